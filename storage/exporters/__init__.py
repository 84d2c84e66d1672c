"""Writes preferences in the forms that other tools read: one module a format."""

from storage.exporters.catalogue import FORMATS, Format, format_named
from storage.exporters.choices import FilterChoices, filter_choices
from storage.exporters.exporting import count_rows, export_files, export_rows
from storage.exporters.filters import ExportFilter

__all__ = [
    "FORMATS",
    "ExportFilter",
    "FilterChoices",
    "Format",
    "count_rows",
    "export_files",
    "export_rows",
    "filter_choices",
    "format_named",
]
