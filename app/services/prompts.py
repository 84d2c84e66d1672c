"""Bring prompts and finished pairs in, and look through them."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from app.services.context import Context, User
from storage import importers, preferences, prompts
from storage.errors import InputError
from storage.importers import BadRow, ImportOptions, ImportReport
from storage.preferences import Counts
from storage.prompts import PromptDetail

PASTED = "pasted"  # source of prompts typed or pasted on the screen
PREVIEW_ROWS = 2000  # of a file that are looked into before it is imported


@dataclass(frozen=True)
class Preview:
    """What was understood of a file before anything is written."""

    report: ImportReport | None
    """None: nothing of the file can be used as it is."""
    problem: str
    """Why not, as sentences; empty with a report."""
    is_whole: bool
    """All rows were read, not only the first ones."""


def preview_file(path: Path, options: ImportOptions) -> Preview:
    """Say what the first rows of a file hold; nothing is stored."""
    try:
        report = importers.inspect_file(
            path,
            prompts_only=options.prompts_only,
            every_pair=options.every_pair,
            columns=options.columns,
            max_rows=PREVIEW_ROWS,
        )
    except InputError as error:
        return Preview(None, str(error), is_whole=True)
    return Preview(report, "", is_whole=report.num_rows < PREVIEW_ROWS)


def column_names(path: Path) -> list[str]:
    """The columns of a file's first row that can be read; none if there is no such row."""
    try:
        rows = (row for _, row in islice(importers.read_rows(path), PREVIEW_ROWS))
        return next((list(row) for row in rows if not isinstance(row, BadRow)), [])
    except InputError:
        return []


def import_text(context: Context, user: User, text: str) -> ImportReport:
    """Store each line of a pasted text as a prompt. Raises InputError when there is none."""
    with context.database.session_scope() as session:
        return importers.import_text(session, text, source=PASTED)


def prompt_detail(context: Context, prompt_id: int) -> PromptDetail:
    """One prompt with its answers and their verdicts; raises NotFoundError."""
    with context.database.read_scope() as session:
        return prompts.prompt_detail(session, prompt_id)


def header_counts(context: Context) -> Counts:
    """The project's counts, as the header shows them."""
    with context.database.read_scope() as session:
        return preferences.counts(session)
