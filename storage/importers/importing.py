"""Reads preference data in batches, to look into it or to take it in. Stores nothing itself."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from storage.errors import InputError
from storage.importers.preparing import Prepared, prepare
from storage.importers.report import ImportReport
from storage.importers.sources.data_files import DataFile, LocalFile, Position
from storage.importers.sources.reading import BadRow, Row, read_file
from storage.importers.understanding import Batch, Understood

BATCH_SIZE = 500  # rows that are understood and stored at once; labellers wait for one batch

_HELP = (
    "PairTune reads jsonl, json, csv, tsv, parquet and Arrow, also packed as gz or zst, with rows "
    'such as {"prompt": "..."} or {"prompt": "...", "chosen": "...", "rejected": "..."}.'
)


@dataclass(frozen=True)
class ImportOptions:
    """How a file is to be understood."""

    source: str
    """Name of the file or dataset, kept with each prompt."""
    verdicts_by: str | None = None
    """Name of the imported labeller; None takes the source's. Annotators that the file names
    become labellers "NAME: ANNOTATOR"."""
    prompts_only: bool = False
    """Leave answers and verdicts out, and keep the prompts of all rows."""
    every_pair: bool = False
    """Of several rated answers make every pair, not only the best and the worst."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Names to read the file's columns under, where they are not understood as they are:
    {"frage": "prompt"}. A column that has such a name already is left out."""


class NothingUsable(InputError):
    """No row can be used as it is; perhaps some can when columns are read under other names."""

    def __init__(self, message: str, columns: list[str]) -> None:
        """`columns` are the names in the first row that can be read."""
        super().__init__(message)
        self.columns = columns


@dataclass(frozen=True)
class Step:
    """A batch that is ready to be stored, and how far the reading has come with it."""

    prepared: Prepared
    report: ImportReport
    """Of all that was read so far; it knows nothing of what had been stored before."""
    share: float
    """How much was read, 0 to 1; stays 0 where nobody knows how much there is."""


class Reading:
    """One pass over rows. It holds one batch, and short digests of what was there before."""

    def __init__(self, name: str, files: Sequence[DataFile], options: ImportOptions) -> None:
        """Prepare to read.

        Args:
            name: what messages call the source.
            files: are read one after the other, as if they were one; row numbers go on.
            options: how the rows are to be understood.
        """
        self._name = name
        self._files = files
        self._options = options
        self._understood = Understood(
            prompts_only=options.prompts_only, every_pair=options.every_pair
        )
        self._position = Position()
        self._columns: list[str] = []

    def steps(self, *, max_rows: int | None = None) -> Iterator[Step]:
        """Yield what is understood of all rows, or only of the first ones, batch by batch.

        Rows that make a pair only together come in the last batches.

        Raises:
            InputError: the rows cannot be opened, or none of them can be used.
        """
        for batch in self._batches(max_rows):
            yield Step(prepare(batch), self.report(), self._position.share)

    def report(self) -> ImportReport:
        """Say what was understood so far."""
        return replace(self._understood.report(), columns=self._columns)

    def _rows(self) -> Iterator[tuple[int, Row | BadRow]]:
        with suppress(OSError):  # of a file that is not there; opening it tells
            self._position.size = sum(file.size for file in self._files)
        num_before = 0
        for file in self._files:
            number = 0
            for number, row in read_file(file, self._position):
                if not self._columns and not isinstance(row, BadRow):
                    self._columns = list(row)
                yield num_before + number, row
            num_before += number

    def _batches(self, max_rows: int | None) -> Iterator[Batch]:
        rows = _renamed(self._rows(), self._options.columns)
        has_items = False
        for number, row in islice(rows, max_rows):
            self._understood.take(number, row)
            if self._understood.num_rows % BATCH_SIZE == 0:
                batch = self._understood.take_batch()
                has_items = has_items or bool(batch.items)
                yield batch
        for _ in self._understood.finish():
            if len(self._understood.items) >= BATCH_SIZE:
                has_items = True
                yield self._understood.take_batch()
        batch = self._understood.take_batch()
        if not has_items and not batch.items:
            raise self._nothing_usable()
        yield batch

    def _nothing_usable(self) -> InputError:
        name, understood = self._name, self._understood
        if understood.num_rows == 0:
            return InputError(f"{name} is empty, so there is nothing to import. {_HELP}")
        found = _found(understood.report())
        return NothingUsable(f"{name} has no row that can be used: {found}. {_HELP}", self._columns)


def file_reading(path: Path, options: ImportOptions) -> Reading:
    """Prepare to read a file."""
    return Reading(path.name, [LocalFile(path)], options)


def _renamed(
    rows: Iterable[tuple[int, Row | BadRow]], columns: Mapping[str, str]
) -> Iterator[tuple[int, Row | BadRow]]:
    for number, row in rows:
        if columns and not isinstance(row, BadRow):
            taken = {columns[name] for name in row if name in columns}
            row = {
                columns.get(name, name): value
                for name, value in row.items()
                if name in columns or name not in taken
            }
        yield number, row


def _found(report: ImportReport) -> str:
    seen = f"{report.num_rows:,} row{'' if report.num_rows == 1 else 's'} seen"
    reasons = ", ".join(f"{number:,} {why}" for why, number in report.dropped_counts.items())
    return f"{seen}, {reasons}"
