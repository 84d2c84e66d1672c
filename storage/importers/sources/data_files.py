"""A file of rows, wherever it lies, and how far it was read. Knows nothing of what is in it."""

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol


class DataFile(Protocol):
    """A file that can be opened, perhaps on another machine."""

    @property
    def name(self) -> str:
        """What messages call it; its end helps to recognise what it is."""

    @property
    def size(self) -> int:
        """Its bytes, as it lies there."""

    def open(self) -> io.RawIOBase:
        """Open it for reading; it can be sought in."""


@dataclass(frozen=True)
class LocalFile:
    """A file of this machine."""

    path: Path

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.name

    @cached_property
    def size(self) -> int:
        """Its bytes; raises OSError when it is not there."""
        return self.path.stat().st_size

    def open(self) -> io.RawIOBase:
        """Open it; raises OSError when it cannot be read."""
        return io.FileIO(self.path, "rb")


class Position:
    """How far files were read; a packed one is measured as it lies there."""

    def __init__(self) -> None:
        """Begin before the first byte."""
        self.num_bytes = 0
        self.size = 0

    @property
    def share(self) -> float:
        """How much was read, 0 to 1."""
        return min(1.0, self.num_bytes / self.size) if self.size else 0.0


class MeasuredFile(io.RawIOBase):
    """An open file that notes how far it was read."""

    def __init__(self, file: io.RawIOBase, position: Position) -> None:
        """Read from `file`, which is closed together with this one."""
        self._file = file
        self._position = position

    def readable(self) -> bool:
        """Whether bytes can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether it can be sought in: always."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read as a file does."""
        num_read = self._file.readinto(buffer)
        self._position.num_bytes += num_read or 0
        return num_read

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go on reading elsewhere."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where reading goes on."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file below as well."""
        self._file.close()
        super().close()
