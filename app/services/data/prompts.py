"""Bring prompts and finished pairs in, and look through them."""

from collections import deque
from dataclasses import dataclass

from app.services.context import Context, User
from app.services.imports.import_process import read_steps
from app.services.imports.import_source import ImportSource, open_reading
from storage.importing import writing
from storage.labelling import preferences
from storage.data import prompts
from storage.errors import InputError
from storage.importers.importing import ImportOptions
from storage.importers.report import ImportReport
from storage.labelling.preferences import Counts
from storage.data.prompts import PromptDetail

PASTED = "pasted"  # source of prompts typed or pasted on the screen
PREVIEW_ROWS = 2000  # of a source that are looked into before it is imported


@dataclass(frozen=True)
class Preview:
    """What was understood of a source before anything is written."""

    report: ImportReport | None
    """None: nothing of it can be used as it is."""
    problem: str
    """Why not, as sentences; empty with a report."""
    is_whole: bool
    """All rows were read, not only the first ones."""
    columns: list[str]
    """The columns of the first row that can be read; none if there is no such row."""


def preview(source: ImportSource, options: ImportOptions) -> Preview:
    """Say what the first rows of a source hold; nothing is stored."""
    try:
        # A file's first rows are read sooner than a process starts.
        steps = (
            read_steps(source, options, max_rows=PREVIEW_ROWS)
            if source.part
            else open_reading(source, options).steps(max_rows=PREVIEW_ROWS)
        )
        report = deque(steps, maxlen=1)[0].report
    except InputError as error:
        return Preview(None, str(error), True, getattr(error, "columns", []))
    return Preview(report, "", report.num_rows < PREVIEW_ROWS, report.columns)


def import_text(context: Context, user: User, text: str) -> ImportReport:
    """Store each line of a pasted text as a prompt. Raises InputError when there is none."""
    with context.database.session_scope() as session:
        return writing.import_text(session, text, source=PASTED)


def prompt_detail(context: Context, prompt_id: int) -> PromptDetail:
    """One prompt with its answers and their verdicts; raises NotFoundError."""
    with context.database.read_scope() as session:
        return prompts.prompt_detail(session, prompt_id)


def header_counts(context: Context) -> Counts:
    """The project's counts, as the header shows them."""
    with context.database.read_scope() as session:
        return preferences.counts(session)
