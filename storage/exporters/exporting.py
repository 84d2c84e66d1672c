"""Exports preferences in one format: as rows, as files, or only their number."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from sqlalchemy.orm import Session

from storage.errors import InputError
from storage.exporters.catalogue import Format
from storage.exporters.filters import ExportFilter
from storage.exporters.judged_pairs import count_pairs, read_pairs
from storage.exporters.writing import Row


def export_rows(session: Session, kind: Format, wanted: ExportFilter) -> Iterator[Row]:
    """Yield the rows of a format one by one, in the order of the pairs' ids."""
    for pair in read_pairs(session, wanted, kind.SHAPE):
        yield from kind.rows(pair)


def export_files(session: Session, folder: Path, kind: Format, wanted: ExportFilter) -> int:
    """Write the files of a format into an empty folder; return how many rows they hold.

    Rows are read and written as a stream. A file has its name only when it is complete.

    Raises:
        InputError: there is no row to write; nothing is written then.
    """
    num_rows = 0

    def counted() -> Iterator[Row]:
        nonlocal num_rows
        for row in export_rows(session, kind, wanted):
            num_rows += 1
            yield row

    rows = counted()
    first = next(rows, None)
    if first is None:
        raise InputError(
            "No pair that this export takes has a verdict yet, so there is nothing to export. "
            "Label some pairs first, or take fewer filters."
        )
    kind.write(chain([first], rows), folder)
    return num_rows


def count_rows(session: Session, kind: Format, wanted: ExportFilter) -> int:
    """Count the rows that `export_rows` yields, without reading them."""
    return kind.ROWS_PER_PAIR * count_pairs(session, wanted, kind.SHAPE)
