"""Recognises each row's format and gathers what a whole file holds. Knows no database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from storage.importers import (
    hh_rlhf_cn,
    hh_rlhf_raw,
    prompts_only,
    trl_conversational,
    trl_standard,
    two_answers,
)
from storage.importers.parsed import Dropped, ImportedPair, ImportedPrompt, Parsed
from storage.importers.reading import BadRow, Row
from storage.importers.report import ImportReport
from storage.prompts import content_hash

UNKNOWN_FORMAT = "of an unknown format"
REPEATED = "repeated"
OTHER_VERDICT = "repeated with another verdict"

NUM_EXAMPLES = 5


class Family(Protocol):
    """What a module of one format family offers."""

    NAME: str

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Whether the row has this family's shape."""

    def parse(self, row: Mapping[str, Any]) -> Parsed:
        """Read a row of this family's shape."""


# The first that recognises a row reads it: a raw dialogue also looks like two plain texts.
FAMILIES: tuple[Family, ...] = (
    hh_rlhf_raw,
    hh_rlhf_cn,
    trl_conversational,
    trl_standard,
    two_answers,
    prompts_only,
)


@dataclass
class Understood:
    """The usable rows of a file, each content once, and what was dropped on the way."""

    prompts_only: bool = False  # leave answers and verdicts out
    items: list[ImportedPrompt | ImportedPair] = field(default_factory=list)
    formats: dict[str, None] = field(default_factory=dict)  # in the order of their first row
    num_rows: int = 0
    dropped: dict[str, list[int]] = field(default_factory=dict)
    _seen: dict[tuple[str, ...], object] = field(default_factory=dict)

    def take(self, number: int, row: Row | BadRow) -> None:
        """Add one row of the file."""
        self.num_rows += 1
        parsed = self._parsed(row)
        if self.prompts_only and isinstance(parsed, ImportedPair):
            parsed = ImportedPrompt(parsed.messages)
        if isinstance(parsed, Dropped):
            self._drop(number, parsed.reason)
        elif repeated := self._repeated(parsed):
            self._drop(number, repeated)
        else:
            self.items.append(parsed)

    def report(self, *, num_existing: int = 0) -> ImportReport:
        """Count what was understood."""
        pairs = [item for item in self.items if isinstance(item, ImportedPair)]
        return ImportReport(
            format=", ".join(self.formats),
            num_rows=self.num_rows,
            num_prompts=len(self.items) - len(pairs),
            num_pairs=len(pairs),
            num_ties=sum(pair.verdict in ("tie", "both_bad") for pair in pairs),
            num_unlabelled=sum(pair.verdict is None for pair in pairs),
            dropped=self.dropped,
            examples=self.items[:NUM_EXAMPLES],
            num_existing=num_existing,
        )

    def _parsed(self, row: Row | BadRow) -> Parsed:
        if isinstance(row, BadRow):
            return Dropped(row.reason)
        for family in FAMILIES:
            if family.recognises(row):
                self.formats.setdefault(family.NAME)
                return family.parse(row)
        return Dropped(UNKNOWN_FORMAT)

    def _drop(self, number: int, reason: str) -> None:
        self.dropped.setdefault(reason, []).append(number)

    def _repeated(self, item: ImportedPrompt | ImportedPair) -> str | None:
        key: tuple[str, ...] = (content_hash(item.messages),)
        verdict = None
        if isinstance(item, ImportedPair):
            key, verdict = (*key, item.text_a, item.text_b), item.verdict
        if key not in self._seen:
            self._seen[key] = verdict
            return None
        return REPEATED if self._seen[key] == verdict else OTHER_VERDICT


def understand(
    rows: Iterable[tuple[int, Row | BadRow]], *, prompts_only: bool = False
) -> Understood:
    """Read all rows of a file, or only their prompts."""
    understood = Understood(prompts_only=prompts_only)
    for number, row in rows:
        understood.take(number, row)
    return understood
