"""Joins rows that go on from one another by id and parent: H2O's turns, OpenAssistant's trees.

They wait in a temporary file until all rows are read, so that memory holds one tree at a time.
"""

import pickle
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from storage.data.conversations import Message
from storage.importers.formats import oasst
from storage.importers.joining.temporary_tables import temporary_tables
from storage.importers.parsed import (
    FEW_ANSWERS,
    Dropped,
    ImportedMessage,
    ImportedPair,
    ImportedRanking,
    ImportedTurn,
)

NO_PARENT = "that go on from a row that is missing or goes on from itself"
SAME_ID = "with an id that another row has"

Numbered = tuple[int, ImportedPair | ImportedRanking | Dropped]

_RECENT_TURNS = 1000  # that are kept in memory: rows of one conversation mostly stand together


class Threads:
    """The rows of a file that have an id and perhaps a parent, with their row numbers."""

    def __init__(self) -> None:
        """Make tables on the disk, as a file may have more rows than memory holds."""
        self._rows = temporary_tables(
            "CREATE TABLE rows (place INTEGER PRIMARY KEY, id TEXT UNIQUE, parent TEXT, "
            "number INTEGER, is_turn INTEGER, content BLOB)",
            "CREATE TABLE reached (place INTEGER PRIMARY KEY)",
        )
        self._turn = lru_cache(_RECENT_TURNS)(self._turn_of)

    def add(self, number: int, row: ImportedTurn | ImportedMessage) -> bool:
        """Keep a row until all rows are read; False means that its id is taken."""
        is_turn = isinstance(row, ImportedTurn)
        values = (row.id, row.parent, number, is_turn, pickle.dumps(row))
        added = self._rows.execute(
            "INSERT OR IGNORE INTO rows (id, parent, number, is_turn, content) "
            "VALUES (?, ?, ?, ?, ?)",
            values,
        )
        return added.rowcount == 1

    def joined(self) -> Iterator[Numbered]:
        """Yield what each row makes, with all that comes before it as its prompt."""
        turns = self._rows.execute("SELECT number, content FROM rows WHERE is_turn ORDER BY place")
        for number, content in turns:
            turn: ImportedTurn = _unpacked(content)
            before = self._before(turn)
            if before is None:
                yield number, Dropped(NO_PARENT)
            else:
                # The system text is said once, by the first turn.
                system = [m for m in turn.pair.messages if m["role"] == "system" and not before]
                own = [m for m in turn.pair.messages if m["role"] != "system"]
                yield number, replace(turn.pair, messages=system + before + own)
        yield from self._trees()

    def _turn_of(self, name: str) -> ImportedTurn | None:
        found = self._rows.execute(
            "SELECT content FROM rows WHERE id = ? AND is_turn", (name,)
        ).fetchone()
        return _unpacked(found[0]) if found else None

    def _before(self, turn: ImportedTurn) -> list[Message] | None:
        """Return what leads to a turn, with the chosen answers; None if a turn is missing."""
        passed: list[ImportedPair] = []
        seen = {turn.id}
        parent = turn.parent
        while parent:
            earlier = None if parent in seen else self._turn(parent)
            if earlier is None:
                return None
            seen.add(parent)
            passed.append(earlier.pair)
            parent = earlier.parent
        messages: list[Message] = []
        for pair in reversed(passed):
            messages.extend(m for m in pair.messages if m["role"] != "system" or not messages)
            messages.append({"role": "assistant", "content": pair.text_a})
        return messages

    def _trees(self) -> Iterator[Numbered]:
        self._rows.execute("CREATE INDEX by_parent ON rows (parent)")
        roots = self._rows.execute(
            "SELECT place, number, content FROM rows "
            "WHERE parent = '' AND NOT is_turn ORDER BY place"
        )
        for place, number, content in roots:
            for found in list(oasst.rankings_of(self._tree(place, content))) or [
                Dropped(FEW_ANSWERS)
            ]:
                yield number, found
        # What no root leads to hangs on a message that is missing, or goes round in a circle.
        unreached = "SELECT number FROM rows WHERE NOT is_turn AND place NOT IN reached"
        for (number,) in self._rows.execute(unreached):
            yield number, Dropped(NO_PARENT)

    def _tree(self, place: int, content: bytes) -> dict[str, Any]:
        """Return a root with all replies to it, and note that they were reached."""
        message: ImportedMessage = _unpacked(content)
        root: dict[str, Any] = {**message.node, "replies": []}
        waiting, places = [(message.id, root)], [place]
        while waiting:
            name, node = waiting.pop()
            replies = self._rows.execute(
                "SELECT place, content FROM rows WHERE parent = ? AND NOT is_turn ORDER BY place",
                (name,),
            )
            for reply_place, reply_content in replies:
                reply: ImportedMessage = _unpacked(reply_content)
                node["replies"].append({**reply.node, "replies": []})
                waiting.append((reply.id, node["replies"][-1]))
                places.append(reply_place)
        self._rows.executemany("INSERT INTO reached VALUES (?)", ((place,) for place in places))
        return root


def _unpacked(content: bytes) -> Any:
    return pickle.loads(content)  # noqa: S301 - written by Threads.add, into a file of its own
