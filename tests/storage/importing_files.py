"""Whole files in one transaction, or only looked into: what tests need of an import."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from storage.importers.importing import ImportOptions, file_reading
from storage.importers.report import ImportReport
from storage.importing.verdict_writing import Marks
from storage.importing.writing import store


def inspect_file(path: Path, *, max_rows: int | None = None, **options: Any) -> ImportReport:
    """What an import would take from a file, or from its first rows."""
    reading = file_reading(path, ImportOptions(path.name, **options))
    for _ in reading.steps(max_rows=max_rows):
        pass
    return reading.report()


def import_file(session: Session, path: Path, *, source: str, **how: Any) -> ImportReport:
    """Store the usable rows of a file in the caller's transaction."""
    options = ImportOptions(source, **how)
    reading, marks = file_reading(path, options), Marks.of(options)
    num_existing = sum(store(session, step.prepared, marks) for step in reading.steps())
    return replace(reading.report(), num_existing=num_existing)
