"""Reads preference files: one module a family of formats, chosen by looking at each row."""

from storage.importers.importing import (
    ImportOptions as ImportOptions,
    NothingUsable as NothingUsable,
    Reading as Reading,
    Step as Step,
    file_reading as file_reading,
)
from storage.importers.parsed import (
    Dropped as Dropped,
    ImportedPair as ImportedPair,
    ImportedPrompt as ImportedPrompt,
)
from storage.importers.report import ImportReport as ImportReport
from storage.importers.sources.dataset_folders import folder_dataset as folder_dataset
from storage.importers.sources.dataset_parts import Dataset as Dataset, Part as Part
from storage.importers.sources.hub_datasets import hub_dataset as hub_dataset
from storage.importers.sources.reading import BadRow as BadRow, read_rows as read_rows
