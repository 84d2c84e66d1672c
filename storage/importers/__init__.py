"""Reads preference files: one module a family of formats, chosen by looking at each row."""

from storage.importers.dataset_folders import folder_dataset
from storage.importers.dataset_parts import Dataset, Part
from storage.importers.hub_datasets import hub_dataset
from storage.importers.importing import (
    ImportOptions,
    NothingUsable,
    Reading,
    Step,
    file_reading,
    import_file,
    import_text,
    inspect_file,
)
from storage.importers.parsed import Dropped, ImportedPair, ImportedPrompt
from storage.importers.reading import BadRow, read_rows
from storage.importers.report import ImportReport
from storage.importers.writing import store

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
    "import_file",
    "import_text",
    "inspect_file",
    "read_rows",
    "store",
]
