"""Recognises each row's format and gathers what a file holds, batch by batch.

Knows nothing of the tables: what a batch holds is given away, and only what tells later rows
that they say the same again is kept.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from storage.data.conversations import content_hash
from storage.importers.families import FAMILIES, Family, family_of
from storage.importers.joining.rated_answers import RatedAnswers
from storage.importers.joining.seen import Seen, SeenContents
from storage.importers.joining.threads import SAME_ID, Threads
from storage.importers.parsed import (
    Dropped,
    ImportedAnswer,
    ImportedMessage,
    ImportedPair,
    ImportedPrompt,
    ImportedRanking,
    ImportedTurn,
    Judgement,
    Parsed,
)
from storage.importers.rankings import pairs_of
from storage.importers.repetition import is_repetitive
from storage.importers.report import ImportReport
from storage.importers.sources.reading import BadRow, Row

__all__ = ["FAMILIES", "Batch", "Understood", "understand"]

UNKNOWN_FORMAT = "of an unknown format"
REPEATED = "repeated"
OTHER_VERDICT = "repeated with another verdict"

NUM_EXAMPLES = 5
MAX_ROW_NUMBERS = 1000  # kept for each reason; the rest is counted

Item = ImportedPrompt | ImportedPair


@dataclass(frozen=True)
class Batch:
    """Usable rows of a file that have not been given away before."""

    items: list[Item]
    """Prompts and pairs, each content once in the whole file."""
    prompt_hashes: list[str]
    """The content hashes of their prompts, in the same order."""
    additions: list[ImportedPair]
    """Pairs of earlier batches with the verdicts of annotators who come only now."""


@dataclass
class Understood:
    """The usable rows of a file since the last batch, and what was dropped on the way."""

    prompts_only: bool = False  # leave answers and verdicts out
    every_pair: bool = False  # of a ranking; otherwise its best against its worst
    items: list[Item] = field(default_factory=list)
    formats: dict[str, None] = field(default_factory=dict)  # in the order of their first row
    num_rows: int = 0
    dropped: dict[str, list[int]] = field(default_factory=dict)  # the first MAX_ROW_NUMBERS each
    metadata_columns: dict[str, None] = field(default_factory=dict)
    repetitive: list[int] = field(default_factory=list)  # the first MAX_ROW_NUMBERS
    _num_dropped: Counter[str] = field(default_factory=Counter)  # by reason
    _num_taken: Counter[str] = field(default_factory=Counter)  # by what was given away
    _examples: list[Item] = field(default_factory=list)
    _additions: list[ImportedPair] = field(default_factory=list)
    _places: dict[tuple[str, ...], int] = field(default_factory=dict)  # in items, by content
    _seen: SeenContents = field(default_factory=SeenContents)  # of the batches given away
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

    def finish(self) -> Iterator[None]:
        """Add what only all rows together make, after the last row; a step may end a batch."""
        for number, made in self._threads.joined():
            metadata = made.metadata if isinstance(made, ImportedPair) else {}
            self._take_parsed(number, made, metadata)
            yield
        for number, joined in self._answers.joined(every_pair=self.every_pair):
            self._take_results(number, [joined])
            yield

    def batch(self) -> Batch:
        """Return what was gathered since the last batch was taken."""
        return Batch(self.items, [key[0] for key in self._places], self._additions)

    def take_batch(self) -> Batch:
        """Give away what was gathered; later rows still know that it was there."""
        batch = self.batch()
        self._num_taken += _numbers(batch)
        self._examples = self._first_examples()
        self._seen.add((key, item) for key, item in zip(self._places, self.items, strict=True))
        self.items, self._additions, self._places = [], [], {}
        return batch

    def report(self, *, num_existing: int = 0) -> ImportReport:
        """Count what was understood so far."""
        numbers = self._num_taken + _numbers(self.batch())
        return ImportReport(
            format=", ".join(self.formats),
            num_rows=self.num_rows,
            num_prompts=numbers["prompts"],
            num_pairs=numbers["pairs"],
            num_ties=numbers["ties"],
            num_unlabelled=numbers["unlabelled"],
            num_verdicts=numbers["verdicts"],
            dropped={reason: sorted(rows) for reason, rows in self.dropped.items()},
            dropped_counts=dict(self._num_dropped),
            examples=self._first_examples(),
            num_existing=num_existing,
            metadata_columns=list(self.metadata_columns),
            repetitive=self.repetitive,
        )

    def _first_examples(self) -> list[Item]:
        return [*self._examples, *self.items[:NUM_EXAMPLES]][:NUM_EXAMPLES]

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
                self._mark_repetitive(number)
        if reasons and not num_taken:
            self._drop(number, reasons[0])

    def _mark_repetitive(self, number: int) -> None:
        if len(self.repetitive) < MAX_ROW_NUMBERS and self.repetitive[-1:] != [number]:
            self.repetitive.append(number)

    def _drop(self, number: int, reason: str) -> None:
        self._num_dropped[reason] += 1
        rows = self.dropped.setdefault(reason, [])
        if len(rows) < MAX_ROW_NUMBERS:
            rows.append(number)

    def _add(self, item: Item) -> str | None:
        """Keep an item unless its content is there; return why it adds nothing."""
        key: tuple[str, ...] = (content_hash(item.messages),)
        if isinstance(item, ImportedPair):
            key = (*key, item.text_a, item.text_b)
        place = self._places.get(key)
        if place is not None:
            stored = self.items[place]
            if isinstance(item, ImportedPrompt) or isinstance(stored, ImportedPrompt):
                return REPEATED
            return self._add_annotations(place, stored, item)
        earlier = self._seen.find(key)
        if earlier is not None:
            return self._add_to_earlier(earlier, key, item)
        self._places[key] = len(self.items)
        self.items.append(item)
        return None

    def _add_annotations(self, place: int, stored: ImportedPair, again: ImportedPair) -> str | None:
        """Add the verdicts of annotators who have not judged the stored pair."""
        new = _new_annotations({judgement.annotator for judgement in stored.annotations}, again)
        if stored.annotations and new:
            self.items[place] = replace(stored, annotations=stored.annotations + new)
            return None
        return REPEATED if stored.verdict == again.verdict else OTHER_VERDICT

    def _add_to_earlier(self, earlier: Seen, key: tuple[str, ...], again: Item) -> str | None:
        """Add what is new to a content that was given away; else say why the row is dropped."""
        if isinstance(again, ImportedPrompt):
            return REPEATED
        new = _new_annotations(set(earlier.annotators), again)
        if earlier.annotators and new:
            self._additions.append(replace(again, annotations=new))
            self._seen.note_annotators(key, earlier, [judgement.annotator for judgement in new])
            return None
        return REPEATED if earlier.verdict == again.verdict else OTHER_VERDICT


def _new_annotations(known: set[str | None], again: ImportedPair) -> tuple[Judgement, ...]:
    return tuple(j for j in again.annotations if j.annotator not in known)


def _numbers(batch: Batch) -> Counter[str]:
    pairs = [item for item in batch.items if isinstance(item, ImportedPair)]
    return Counter(
        prompts=len(batch.items) - len(pairs),
        pairs=len(pairs),
        ties=sum(pair.verdict in ("tie", "both_bad") for pair in pairs),
        unlabelled=sum(pair.verdict is None for pair in pairs),
        verdicts=sum(len(pair.judgements) for pair in [*pairs, *batch.additions]),
    )


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
    for _ in understood.finish():
        pass
    return understood
