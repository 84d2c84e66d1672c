"""Joins rows that make a pair only together: single rated answers to the same prompt.

They wait in a temporary file until all rows are read, so that memory holds one prompt's at a time.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter

from storage.data.conversations import content_hash
from storage.importers.joining.temporary_tables import temporary_tables
from storage.importers.parsed import (
    EQUAL,
    Answer,
    Dropped,
    ImportedAnswer,
    ImportedPair,
    ImportedRanking,
)
from storage.importers.rankings import pairs_of

ALONE = "without another answer to the same prompt"
NO_OPPOSITE = "without an answer of the other label to the same prompt"
BETWEEN = "rated between the best and the worst of their prompt"

Joined = Iterator[tuple[int, ImportedPair | Dropped]]
_Numbered = tuple[int, ImportedAnswer]

_WAITING = """
    SELECT prompt, messages, number, text, score, model, is_label
    FROM answers JOIN prompts ON prompts.id = prompt
    ORDER BY prompt, number
"""


class RatedAnswers:
    """The rated answers of a file by prompt, with their row numbers."""

    def __init__(self) -> None:
        """Make tables on the disk, as a file may have more answers than memory holds."""
        self._rows = temporary_tables(
            "CREATE TABLE prompts (id INTEGER PRIMARY KEY, digest BLOB UNIQUE, messages TEXT)",
            "CREATE TABLE answers (prompt INTEGER, number INTEGER, text TEXT, score REAL, "
            "model TEXT, is_label INTEGER)",
        )

    def add(self, number: int, answer: ImportedAnswer) -> None:
        """Keep an answer until all rows are read."""
        given = answer.answer
        values = (number, given.text, given.score, given.model, answer.is_label)
        self._rows.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)", (self._prompt(answer), *values)
        )

    def _prompt(self, answer: ImportedAnswer) -> int | None:
        digest = bytes.fromhex(content_hash(answer.messages))
        found = self._rows.execute("SELECT id FROM prompts WHERE digest = ?", (digest,)).fetchone()
        if found:
            return int(found[0])
        return self._rows.execute(
            "INSERT INTO prompts (digest, messages) VALUES (?, ?)",
            (digest, json.dumps(answer.messages)),
        ).lastrowid

    def joined(self, *, every_pair: bool) -> Joined:
        """Pair the answers of each prompt: by their ratings, or a good one with a bad one.

        Yields pairs with the row number of their first answer, and rows that are in none.
        """
        self._rows.execute("CREATE INDEX by_prompt ON answers (prompt, number)")
        for _, waiting in groupby(self._rows.execute(_WAITING), itemgetter(0)):
            rows: list[_Numbered] = []
            for _, messages, number, text, score, model, is_label in waiting:
                answer = Answer(text, score, model)
                # The messages of a prompt are the same in all of its rows: once will do.
                common = rows[0][1].messages if rows else json.loads(messages)
                rows.append((number, ImportedAnswer(common, answer, bool(is_label))))
            yield from _of_prompt(rows, every_pair=every_pair)


def _of_prompt(rows: Sequence[_Numbered], *, every_pair: bool) -> Joined:
    is_label = rows[0][1].is_label
    groups = _by_label(rows) if is_label else [rows] if len(rows) > 1 else []
    used = set()
    for group in groups:
        for number, made, numbers in _joined(group, every_pair=every_pair):
            used |= numbers
            yield number, made
    reason = ALONE if len(rows) == 1 else NO_OPPOSITE if is_label else BETWEEN
    for number, _ in rows:
        if number not in used:
            yield number, Dropped(reason)


def _by_label(rows: Sequence[_Numbered]) -> list[list[_Numbered]]:
    """Put the first good beside the first bad answer, the second beside the second and so on."""
    good = [row for row in rows if row[1].answer.score == 1]
    bad = [row for row in rows if row[1].answer.score == 0]
    return [list(two) for two in zip(good, bad, strict=False)]


def _joined(
    rows: Sequence[_Numbered], *, every_pair: bool
) -> Iterator[tuple[int, ImportedPair | Dropped, set[int]]]:
    """Yield what some answers to one prompt make, with the numbers of the rows dealt with."""
    first = rows[0][1]
    texts = {number: answer.answer.text for number, answer in rows}
    ranking = ImportedRanking(first.messages, [answer.answer for _, answer in rows])
    pairs = pairs_of(ranking, every_pair=every_pair)
    found = [pair for pair in pairs if isinstance(pair, ImportedPair)]
    for pair in found:
        used = {number for number in texts if texts[number] in (pair.text_a, pair.text_b)}
        number = next(number for number in texts if texts[number] == pair.text_a)
        # A label says which answer is better, not by how much.
        yield number, replace(pair, strength=None) if first.is_label else pair, used
    if not found:
        for number in texts:
            yield number, Dropped(EQUAL), {number}
