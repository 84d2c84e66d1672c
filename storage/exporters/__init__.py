"""Writes preferences in the forms that other tools read: one module a format."""

from storage.exporters.catalogue import (
    FORMATS as FORMATS,
    Format as Format,
    format_named as format_named,
)
from storage.exporters.choices import (
    FilterChoices as FilterChoices,
    filter_choices as filter_choices,
)
from storage.exporters.exporting import (
    count_rows as count_rows,
    export_files as export_files,
    export_rows as export_rows,
)
from storage.exporters.filters import ExportFilter as ExportFilter
