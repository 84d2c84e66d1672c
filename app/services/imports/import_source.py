"""What can be imported: an uploaded file, a hub dataset, or a folder of the server's machine."""

from dataclasses import dataclass
from pathlib import Path

from storage.errors import InputError
from storage.importers.importing import ImportOptions, Reading, file_reading
from storage.importers.sources.dataset_folders import folder_dataset
from storage.importers.sources.dataset_parts import Dataset, Part
from storage.importers.sources.hub_datasets import hub_dataset


@dataclass(frozen=True)
class ImportSource:
    """Where the rows come from."""

    place: str
    """Path of a file; with `part` the name of a hub dataset, or the whole path of a folder."""
    part: Part | None = None
    """What of a dataset is wanted; None: it is a file."""

    @property
    def name(self) -> str:
        """What messages call it."""
        return Path(self.place).name if _is_path(self.place) else self.place

    def is_small(self, num_bytes: int) -> bool:
        """Whether it is a file below a size."""
        return self.part is None and Path(self.place).stat().st_size < num_bytes


def find_dataset(place: str) -> Dataset:
    """Look which subsets and splits a dataset has; a hub answers in under 10 seconds.

    Raises:
        InputError: it is not there, may not be read or holds nothing that can be read.
    """
    place = place.strip()
    if not place:
        raise InputError("Name a hub dataset, owner/name, or a folder with its whole path.")
    return folder_dataset(place) if _is_path(place) else hub_dataset(place)


def open_reading(source: ImportSource, options: ImportOptions) -> Reading:
    """Prepare to read a source; raises InputError as `find_dataset` does."""
    if source.part is None:
        return file_reading(Path(source.place), options)
    dataset = find_dataset(source.place)
    return Reading(dataset.name, dataset.files_of(source.part), options)


def _is_path(place: str) -> bool:
    return place.startswith("/")
