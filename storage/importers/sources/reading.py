"""Opens a file of rows, recognises how it is packed and written, and reads it row by row.

What is inside decides; the name helps only where the content leaves it open. A row that cannot
be read becomes a BadRow, and no row stops the file.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from storage.errors import InputError
from storage.importers.sources.data_files import DataFile, LocalFile, MeasuredFile, Position
from storage.importers.sources.json_rows import BadRow, Row, read_document, read_lines
from storage.importers.sources.tables import (
    ARROW_FILE,
    ARROW_STREAM,
    read_arrow,
    read_delimited,
    read_parquet,
)

__all__ = ["BadRow", "Row", "read_file", "read_rows"]

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_PARQUET = b"PAR1"
_BLANK = b"\xef\xbb\xbf \t\r\n"  # a byte order mark and white space
_PACKED = {".gz", ".gzip", ".zst", ".zstd"}
_LINES = {".jsonl", ".ndjson"}
_TABLES = {".csv", ".tsv", ".tab"}


def read_rows(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    """Yield (row number, row) of a file of this machine; raises InputError as `read_file` does."""
    return read_file(LocalFile(path), Position())


def read_file(file: DataFile, position: Position) -> Iterator[tuple[int, Row | BadRow]]:
    """Yield (row number, row) for each row that is not empty; `position` follows the reading.

    A row's number is its line in jsonl, its place from 1 in json, parquet and Arrow, and in csv its
    place below the header, which is row 1.

    Raises:
        InputError: the file cannot be opened or unpacked, or is no sound table.
    """
    try:
        with cast(
            io.BufferedReader, io.BufferedReader(MeasuredFile(file.open(), position))
        ) as opened:
            start = opened.read(4)
            opened.seek(0)
            with _unpacked(opened, start) as content:
                yield from _rows(content, file.name)
    except (EOFError, gzip.BadGzipFile, zlib.error, _BadZstd) as error:
        raise InputError(
            f"The file {file.name} is packed, but damaged or cut off. Fetch or pack it again."
        ) from error
    except OSError as error:
        raise InputError(f"The file {file.name} cannot be read: {error.strerror}.") from error


class _BadZstd(Exception):
    """What should be zstd is not."""


class _ZstdStream(io.RawIOBase):
    """Reads zstd through Arrow, whose complaints are OSErrors without a reason."""

    def __init__(self, file: io.BufferedReader) -> None:
        import pyarrow

        self._stream = pyarrow.CompressedInputStream(pyarrow.PythonFile(file, mode="r"), "zstd")

    def readable(self) -> bool:
        """Whether bytes can be read: always."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as there is content."""
        try:
            content = self._stream.read(len(buffer))
        except OSError as error:
            raise _BadZstd from error
        buffer[: len(content)] = content
        return len(content)


def _unpacked(file: io.BufferedReader, start: bytes) -> io.BufferedReader:
    if start.startswith(_GZIP):
        return io.BufferedReader(gzip.GzipFile(fileobj=file))
    return io.BufferedReader(_ZstdStream(file)) if start == _ZSTD else file


def _rows(file: io.BufferedReader, name: str) -> Iterator[tuple[int, Row | BadRow]]:
    start = file.peek(4096)[:4096]
    suffix = _suffix(name)
    if start.startswith(_PARQUET):
        return read_parquet(file, name)
    if start.startswith((ARROW_FILE, ARROW_STREAM)):
        return read_arrow(file, name)
    first = start.lstrip(_BLANK)[:1]
    if first == b"[" or (first == b"{" and suffix not in _LINES):
        return read_document(file)
    if suffix in _TABLES and first != b"{":
        return read_delimited(file, name)
    return read_lines(file)


def _suffix(name: str) -> str:
    """Return what the name ends with, below what says how the file is packed."""
    path = Path(name.lower())
    return Path(path.stem).suffix if path.suffix in _PACKED else path.suffix
