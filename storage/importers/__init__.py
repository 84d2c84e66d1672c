"""Reads preference files: one module a family of formats, chosen by looking at each row."""

from storage.importers.importing import (
    ImportOptions,
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
    "Dropped",
    "ImportOptions",
    "ImportReport",
    "ImportedPair",
    "ImportedPrompt",
    "Reading",
    "Step",
    "file_reading",
    "import_file",
    "import_text",
    "inspect_file",
    "read_rows",
    "store",
]
