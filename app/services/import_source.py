"""What can be imported: an uploaded file."""

from dataclasses import dataclass
from pathlib import Path

from storage.importers import ImportOptions, Reading, file_reading


@dataclass(frozen=True)
class ImportSource:
    """Where the rows come from."""

    place: str
    """Path of a file."""

    @property
    def name(self) -> str:
        """What messages call it."""
        return Path(self.place).name

    def is_small(self, num_bytes: int) -> bool:
        """Whether it is a file below a size."""
        return Path(self.place).stat().st_size < num_bytes


def open_reading(source: ImportSource, options: ImportOptions) -> Reading:
    """Prepare to read a source."""
    return file_reading(Path(source.place), options)
