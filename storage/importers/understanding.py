"""Recognises each row's format and gathers what a whole file holds. Knows no database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from storage.importers.families import FAMILIES, Family, family_of
from storage.importers.joining import RatedAnswers
from storage.importers.parsed import (
    Dropped,
    ImportedAnswer,
    ImportedMessage,
    ImportedPair,
    ImportedPrompt,
    ImportedRanking,
    ImportedTurn,
    Parsed,
)
from storage.importers.rankings import pairs_of
from storage.importers.reading import BadRow, Row
from storage.importers.repetition import is_repetitive
from storage.importers.report import ImportReport
from storage.importers.threads import SAME_ID, Threads
from storage.prompts import content_hash

__all__ = ["FAMILIES", "Understood", "understand"]

UNKNOWN_FORMAT = "of an unknown format"
REPEATED = "repeated"
OTHER_VERDICT = "repeated with another verdict"

NUM_EXAMPLES = 5

Item = ImportedPrompt | ImportedPair


@dataclass
class Understood:
    """The usable rows of a file, each content once, and what was dropped on the way."""

    prompts_only: bool = False  # leave answers and verdicts out
    every_pair: bool = False  # of a ranking; otherwise its best against its worst
    items: list[Item] = field(default_factory=list)
    formats: dict[str, None] = field(default_factory=dict)  # in the order of their first row
    num_rows: int = 0
    dropped: dict[str, list[int]] = field(default_factory=dict)
    metadata_columns: dict[str, None] = field(default_factory=dict)
    repetitive: list[int] = field(default_factory=list)
    _places: dict[tuple[str, ...], int] = field(default_factory=dict)  # in items, by content
    _answers: RatedAnswers = field(default_factory=RatedAnswers)
    _threads: Threads = field(default_factory=Threads)

    def take(self, number: int, row: Row | BadRow) -> None:
        """Add one row of the file."""
        self.num_rows += 1
        if isinstance(row, BadRow):
            self._drop(number, row.reason)
        elif family := family_of(row):
            self.formats.setdefault(family.NAME)
            self._take_parsed(number, family.parse(row), self._metadata(row, family))
        else:
            self._drop(number, UNKNOWN_FORMAT)

    def finish(self) -> None:
        """Add what only all rows together make; call it once, after the last row."""
        for number, made in self._threads.joined():
            metadata = made.metadata if isinstance(made, ImportedPair) else {}
            self._take_parsed(number, made, metadata)
        joined = self._answers.joined(every_pair=self.every_pair)
        for number, pair in joined.pairs:
            self._take_results(number, [pair])
        for number, reason in joined.left_over:
            self._drop(number, reason)

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
            num_verdicts=sum(len(pair.judgements) for pair in pairs),
            dropped={reason: sorted(rows) for reason, rows in self.dropped.items()},
            examples=self.items[:NUM_EXAMPLES],
            num_existing=num_existing,
            metadata_columns=list(self.metadata_columns),
            repetitive=self.repetitive,
        )

    def _metadata(self, row: Row, family: Family) -> dict[str, Any]:
        metadata = {key: row[key] for key in row if key not in family.COLUMNS}
        self.metadata_columns.update(dict.fromkeys(metadata))
        return metadata

    def _take_parsed(self, number: int, parsed: Parsed, metadata: Mapping[str, Any]) -> None:
        results: list[Item | Dropped] = []
        for part in parsed if isinstance(parsed, list) else [parsed]:
            if isinstance(part, ImportedAnswer) and not self.prompts_only:
                self._answers.add(number, part)
                return
            if isinstance(part, ImportedTurn):
                part = replace(part, pair=replace(part.pair, metadata=dict(metadata)))
            if isinstance(part, ImportedTurn | ImportedMessage):
                if not self._threads.add(number, part):
                    self._drop(number, SAME_ID)
                return
            if self.prompts_only and not isinstance(part, Dropped):
                results.append(ImportedPrompt(part.messages))
            elif isinstance(part, ImportedRanking):
                results.extend(pairs_of(part, every_pair=self.every_pair))
            elif not isinstance(part, ImportedAnswer):
                results.append(part)
        with_metadata = [
            replace(item, metadata=dict(metadata))
            if metadata and not isinstance(item, Dropped)
            else item
            for item in results
        ]
        self._take_results(number, with_metadata)

    def _take_results(self, number: int, results: Iterable[Item | Dropped]) -> None:
        """Add what one row has made; the row is dropped if nothing of it can be used."""
        reasons = []
        num_taken = 0
        for item in results:
            reason = item.reason if isinstance(item, Dropped) else self._add(item)
            if reason:
                reasons.append(reason)
                continue
            num_taken += 1
            if isinstance(item, ImportedPair) and is_repetitive(item.text_a, item.text_b):
                self.repetitive.extend([number] * (self.repetitive[-1:] != [number]))
        if reasons and not num_taken:
            self._drop(number, reasons[0])

    def _drop(self, number: int, reason: str) -> None:
        self.dropped.setdefault(reason, []).append(number)

    def _add(self, item: Item) -> str | None:
        """Keep an item unless its content is there; return why it adds nothing."""
        key: tuple[str, ...] = (content_hash(item.messages),)
        if isinstance(item, ImportedPair):
            key = (*key, item.text_a, item.text_b)
        place = self._places.setdefault(key, len(self.items))
        if place == len(self.items):
            self.items.append(item)
            return None
        stored = self.items[place]
        if isinstance(item, ImportedPrompt) or isinstance(stored, ImportedPrompt):
            return REPEATED
        return self._add_annotations(place, stored, item)

    def _add_annotations(self, place: int, stored: ImportedPair, again: ImportedPair) -> str | None:
        """Add the verdicts of annotators who have not judged the stored pair."""
        known = {judgement.annotator for judgement in stored.annotations}
        new = tuple(j for j in again.annotations if j.annotator not in known)
        if stored.annotations and new:
            self.items[place] = replace(stored, annotations=stored.annotations + new)
            return None
        return REPEATED if stored.verdict == again.verdict else OTHER_VERDICT


def understand(
    rows: Iterable[tuple[int, Row | BadRow]],
    *,
    prompts_only: bool = False,
    every_pair: bool = False,
) -> Understood:
    """Read all rows of a file, or only their prompts."""
    understood = Understood(prompts_only=prompts_only, every_pair=every_pair)
    for number, row in rows:
        understood.take(number, row)
    understood.finish()
    return understood
