"""Reads tables: csv and tsv with a header, parquet and Arrow. Cells become plain JSON values."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from storage.data.formula_guard import has_guards, unguarded
from storage.errors import InputError
from storage.importers.roles import is_messages
from storage.importers.sources.data_files import MeasuredFile
from storage.importers.sources.json_rows import BadRow, Row, problem_within

ARROW_FILE, ARROW_STREAM = b"ARROW1", b"\xff\xff\xff\xff"

_BATCH = 1000  # rows of parquet taken at once
_MAX_CELL_CHARACTERS = 2**31 - 1
# Columns whose cells are lists; in all other columns a text stays a text, whatever it looks like.
_LISTS = {"history", "generations", "responses", "ratings", "rating", "order"}


def read_delimited(file: io.BufferedReader, name: str) -> Iterator[tuple[int, Row | BadRow]]:
    """Yield (row number, row); the header is row 1 and says by its marks what parts the cells.

    Raises:
        InputError: the header has no names, or one of them twice.
    """
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    header_line = text.readline()
    delimiter = max(",;\t", key=header_line.count)
    header = next(csv.reader([header_line], delimiter=delimiter), [])
    names = [column.strip() for column in header if column.strip()]
    if not names or len(set(names)) != len(names):
        raise InputError(
            f"The first line of {name} must name the columns, each name once. "
            "Add a line such as: prompt,chosen,rejected"
        )
    yield from _delimited_rows(csv.reader(text, delimiter=delimiter, strict=True), header)


def _delimited_rows(reader: Any, header: list[str]) -> Iterator[tuple[int, Row | BadRow]]:
    number = 1
    is_guarded = has_guards(header)
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield number, BadRow("with a quotation mark out of place")
            continue
        if cells:
            yield number, _delimited_row(header, [*map(unguarded, cells)] if is_guarded else cells)


def _delimited_row(header: list[str], cells: list[str]) -> Row | BadRow:
    if len(cells) != len(header):
        return BadRow(f"with {'more' if len(cells) > len(header) else 'fewer'} cells than columns")
    row = {
        name.strip(): _cell(name.strip(), cell)
        for name, cell in zip(header, cells, strict=True)
        if name.strip()
    }
    problem = problem_within(row)
    # Bytes that are not UTF-8 were read as halves of surrogate pairs.
    return BadRow("that are not UTF-8" if "Unicode" in problem else problem) if problem else row


def _cell(name: str, cell: str) -> Any:
    """Return messages and lists that are written as JSON, and any other cell as it is."""
    if cell[:1] not in ("[", "{"):
        return cell
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    if name in _LISTS and isinstance(value, list):
        return value
    turns = value if isinstance(value, list) else [value]
    is_turns = is_messages(turns) and turns and all(_is_turn(turn) for turn in turns)
    return value if is_turns else cell


def _is_turn(turn: Any) -> bool:
    return "role" in turn or "from" in turn


def read_parquet(file: io.BufferedReader, name: str) -> Iterator[tuple[int, Row | BadRow]]:
    """Yield (row number from 1, row); a cell without a value is left out of its row.

    Raises:
        InputError: the file is no sound parquet.
    """
    import pyarrow
    from pyarrow import parquet

    # Parquet is read from its end, which a packed stream cannot offer.
    content = file if isinstance(file.raw, MeasuredFile) else io.BytesIO(file.read())
    try:
        yield from _numbered(parquet.ParquetFile(content).iter_batches(batch_size=_BATCH))
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise _unsound(name, "parquet") from error


def read_arrow(file: io.BufferedReader, name: str) -> Iterator[tuple[int, Row | BadRow]]:
    """Yield (row number from 1, row) of what `datasets` saves to disk, or of a Feather file.

    Raises:
        InputError: the file is no sound Arrow file.
    """
    import pyarrow
    from pyarrow import ipc

    try:
        if file.peek(len(ARROW_FILE)).startswith(ARROW_FILE):
            content = file if isinstance(file.raw, MeasuredFile) else io.BytesIO(file.read())
            opened = ipc.open_file(content)
            batches = (opened.get_batch(index) for index in range(opened.num_record_batches))
        else:
            batches = iter(ipc.open_stream(file))
        yield from _numbered(batches)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise _unsound(name, "Arrow") from error


def _unsound(name: str, kind: str) -> InputError:
    return InputError(
        f"{name} is no sound {kind} file, or a part of it is missing. Fetch it again."
    )


def _numbered(batches: Iterable[Any]) -> Iterator[tuple[int, Row | BadRow]]:
    rows = (row for batch in batches for row in _arrow_rows(batch))
    return enumerate(rows, start=1)


def _arrow_rows(batch: Any) -> Iterator[Row | BadRow]:
    try:
        rows: list[Row] = batch.to_pylist()
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            yield BadRow("that are not UTF-8")
            return
        for index in range(batch.num_rows):
            yield from _arrow_rows(batch.slice(index, 1))
        return
    for row in rows:
        plain = {key: _plain(value) for key, value in row.items() if value is not None}
        problem = problem_within(plain)
        yield BadRow(problem) if problem else plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return _text_or_size(value)
    return value if isinstance(value, str | int) or value is None else str(value)


def _text_or_size(content: bytes) -> Any:
    """Return bytes as the text that they are, or say how many there are: no format reads that."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"num_bytes": len(content)}
