"""Reads preference files: one module a family of formats, chosen by looking at each row."""

from storage.importers.importing import (
    FileImport,
    ImportOptions,
    import_file,
    import_text,
    inspect_file,
)
from storage.importers.parsed import Dropped, ImportedPair, ImportedPrompt
from storage.importers.reading import BadRow, read_rows
from storage.importers.report import ImportReport

__all__ = [
    "BadRow",
    "Dropped",
    "FileImport",
    "ImportOptions",
    "ImportReport",
    "ImportedPair",
    "ImportedPrompt",
    "import_file",
    "import_text",
    "inspect_file",
    "read_rows",
]
