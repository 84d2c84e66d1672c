"""Joins rows that make a pair only together: single rated answers to the same prompt."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from storage.importers.parsed import EQUAL, Dropped, ImportedAnswer, ImportedPair, ImportedRanking
from storage.importers.rankings import pairs_of
from storage.prompts import content_hash

ALONE = "without another answer to the same prompt"
NO_OPPOSITE = "without an answer of the other label to the same prompt"
BETWEEN = "rated between the best and the worst of their prompt"

_Numbered = tuple[int, ImportedAnswer]


@dataclass
class Joined:
    """What the rated answers of a file make together."""

    pairs: list[tuple[int, ImportedPair]] = field(default_factory=list)
    """Pairs, with the row number of their first answer."""
    left_over: list[tuple[int, str]] = field(default_factory=list)
    """Row numbers that are in no pair, and why."""


@dataclass
class RatedAnswers:
    """The rated answers of a file by prompt, with their row numbers."""

    _by_prompt: dict[str, list[_Numbered]] = field(default_factory=lambda: defaultdict(list))

    def add(self, number: int, answer: ImportedAnswer) -> None:
        """Keep an answer until all rows are read."""
        self._by_prompt[content_hash(answer.messages)].append((number, answer))

    def joined(self, *, every_pair: bool) -> Joined:
        """Pair the answers of each prompt: by their ratings, or a good one with a bad one."""
        found = Joined()
        for rows in self._by_prompt.values():
            is_label = rows[0][1].is_label
            groups = _by_label(rows) if is_label else [rows] if len(rows) > 1 else []
            used = set()
            for group in groups:
                used |= _join(group, found, every_pair=every_pair)
            reason = ALONE if len(rows) == 1 else NO_OPPOSITE if is_label else BETWEEN
            found.left_over.extend((number, reason) for number, _ in rows if number not in used)
        return found


def _by_label(rows: Sequence[_Numbered]) -> list[list[_Numbered]]:
    """Put the first good beside the first bad answer, the second beside the second and so on."""
    good = [row for row in rows if row[1].answer.score == 1]
    bad = [row for row in rows if row[1].answer.score == 0]
    return [list(two) for two in zip(good, bad, strict=False)]


def _join(rows: Sequence[_Numbered], found: Joined, *, every_pair: bool) -> set[int]:
    """Add the pairs of some answers to one prompt; return the numbers of the rows dealt with."""
    first = rows[0][1]
    ranking = ImportedRanking(first.messages, [answer.answer for _, answer in rows])
    used = set()
    for pair in pairs_of(ranking, every_pair=every_pair):
        if isinstance(pair, Dropped):
            continue
        texts = {number: answer.answer.text for number, answer in rows}
        used |= {number for number in texts if texts[number] in (pair.text_a, pair.text_b)}
        number = next(number for number in texts if texts[number] == pair.text_a)
        # A label says which answer is better, not by how much.
        found.pairs.append((number, replace(pair, strength=None) if first.is_label else pair))
    if not used:
        found.left_over.extend((number, EQUAL) for number, _ in rows)
        used = {number for number, _ in rows}
    return used
