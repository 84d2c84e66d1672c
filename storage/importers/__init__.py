"""Reads preference files: one module a family of formats, chosen by looking at each row."""

from storage.importers.importing import (
    ImportOptions,
    NothingUsable,
    Reading,
    Step,
    file_reading,
)
from storage.importers.parsed import Dropped, ImportedPair, ImportedPrompt
from storage.importers.report import ImportReport
from storage.importers.sources.dataset_folders import folder_dataset
from storage.importers.sources.dataset_parts import Dataset, Part
from storage.importers.sources.hub_datasets import hub_dataset
from storage.importers.sources.reading import BadRow, read_rows

__all__ = [
    "BadRow",
    "Dataset",
    "Dropped",
    "ImportOptions",
    "ImportReport",
    "ImportedPair",
    "ImportedPrompt",
    "NothingUsable",
    "Part",
    "Reading",
    "Step",
    "file_reading",
    "folder_dataset",
    "hub_dataset",
    "read_rows",
]
