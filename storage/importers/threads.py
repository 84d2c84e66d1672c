"""Joins rows that go on from one another by id and parent: H2O's turns, OpenAssistant's trees."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from storage.conversations import Message
from storage.importers import oasst
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


@dataclass
class Threads:
    """The rows of a file that have an id and perhaps a parent, with their row numbers."""

    _turns: dict[str, tuple[int, ImportedTurn]] = field(default_factory=dict)
    _messages: dict[str, tuple[int, ImportedMessage]] = field(default_factory=dict)

    def add(self, number: int, row: ImportedTurn | ImportedMessage) -> bool:
        """Keep a row until all rows are read; False means that its id is taken."""
        if row.id in self._turns or row.id in self._messages:
            return False
        if isinstance(row, ImportedTurn):
            self._turns[row.id] = (number, row)
        else:
            self._messages[row.id] = (number, row)
        return True

    def joined(self) -> Iterator[Numbered]:
        """Yield what each row makes, with all that comes before it as its prompt."""
        for number, turn in self._turns.values():
            before = self._before(turn)
            if before is None:
                yield number, Dropped(NO_PARENT)
            else:
                # The system text is said once, by the first turn.
                system = [m for m in turn.pair.messages if m["role"] == "system" and not before]
                own = [m for m in turn.pair.messages if m["role"] != "system"]
                yield number, replace(turn.pair, messages=system + before + own)
        yield from self._trees()

    def _before(self, turn: ImportedTurn) -> list[Message] | None:
        """Return what leads to a turn, with the chosen answers; None if a turn is missing."""
        passed: list[ImportedPair] = []
        seen = {turn.id}
        parent = turn.parent
        while parent:
            if parent in seen or parent not in self._turns:
                return None
            seen.add(parent)
            earlier = self._turns[parent][1]
            passed.append(earlier.pair)
            parent = earlier.parent
        messages: list[Message] = []
        for pair in reversed(passed):
            messages.extend(m for m in pair.messages if m["role"] != "system" or not messages)
            messages.append({"role": "assistant", "content": pair.text_a})
        return messages

    def _trees(self) -> Iterator[Numbered]:
        nodes: dict[str, dict[str, Any]] = {
            name: {**message.node, "replies": []} for name, (_, message) in self._messages.items()
        }
        roots: dict[str, int] = {}
        for name, (number, message) in self._messages.items():
            if message.parent in nodes:
                nodes[message.parent]["replies"].append(nodes[name])
            elif message.parent:
                yield number, Dropped(NO_PARENT)
            else:
                roots[name] = number
        for name, number in roots.items():
            for found in list(oasst.rankings_of(nodes[name])) or [Dropped(FEW_ANSWERS)]:
                yield number, found
