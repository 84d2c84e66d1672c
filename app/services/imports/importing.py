"""Bring a file in, batch by batch, beside everything else; cancel it; clean up after a kill.

Each batch is one short transaction, so that labelling goes on. How far an import is, and what is
to become of it, stands in the database alone.
"""

import logging
import threading
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from app.services.context import Context, User
from app.services.imports.import_process import read_steps
from app.services.imports.import_source import (
    ImportSource as ImportSource,
    find_dataset as find_dataset,
)
from storage.clock import utc_now
from storage.enums import ImportStatus, ImportStop
from storage.errors import InputError
from storage.importers.importing import ImportOptions as ImportOptions
from storage.importers.report import ImportReport as ImportReport
from storage.importers.sources.dataset_parts import Part as Part
from storage.importing import imports
from storage.importing.rolling_back import roll_back_some
from storage.importing.verdict_writing import Marks
from storage.importing.writing import store

logger = logging.getLogger(__name__)

KILLED = "The server was stopped in the middle of this import. Import the file again."


@dataclass(frozen=True)
class ImportView:
    """An import as the screen shows it."""

    id: int
    source: str
    status: ImportStatus
    share: float
    """Of the file that was read, 0 to 1."""
    report: ImportReport | None
    """The counts so far, without examples."""
    error: str | None
    stop: ImportStop | None


def import_source(
    context: Context, user: User, source: ImportSource, options: ImportOptions
) -> ImportReport:
    """Bring a source in and wait for its end.

    Raises InputError for one that cannot be used, or when somebody has cancelled the import; what
    was stored is rolled back then, unless they wanted to keep it.
    """
    import_id = _begin(context, user, options)
    _carry_out(context, import_id, source, options)
    with context.database.read_scope() as session:
        row = imports.get_import(session, import_id)
        if row.status is ImportStatus.ROLLED_BACK or row.report is None:
            raise InputError(row.error or "The import was cancelled. Nothing of it was stored.")
        return _report(row.report)


def start_import(context: Context, user: User, source: ImportSource, options: ImportOptions) -> int:
    """Bring a source in from a thread of this process; return the import's id at once."""
    import_id = _begin(context, user, options)
    threading.Thread(
        target=_carry_out, args=(context, import_id, source, options), name="import", daemon=True
    ).start()
    return import_id


def cancel_import(context: Context, user: User, import_id: int, *, keep: bool) -> None:
    """Stop an import after its batch, and keep what is in or roll all of it back.

    Raises StaleError when it has ended already.
    """
    with context.database.session_scope() as session:
        stop = ImportStop.KEEP if keep else ImportStop.ROLL_BACK
        imports.ask_to_stop(session, import_id, stop)


def latest_import(context: Context) -> ImportView | None:
    """The import that began last, if there is one."""
    with context.database.read_scope() as session:
        row = imports.latest(session)
        if row is None:
            return None
        report = _report(row.report) if row.report else None
        return ImportView(row.id, row.source, row.status, row.share, report, row.error, row.stop)


def clean_up(context: Context) -> None:
    """Roll back, from a thread, what imports have stored that a stop of the server has ended."""
    with context.database.session_scope() as session:
        left = imports.unfinished(session)
        for import_id in left:
            imports.roll_back(session, import_id, error=KILLED)
    for import_id in left:
        threading.Thread(
            target=_roll_back, args=(context, import_id), name="import", daemon=True
        ).start()


def _begin(context: Context, user: User, options: ImportOptions) -> int:
    with context.database.session_scope() as session:
        return imports.begin(session, source=options.source, started_by=user.name)


def _carry_out(
    context: Context, import_id: int, source: ImportSource, options: ImportOptions
) -> None:
    try:
        stop = _store_steps(context, import_id, source, options)
    except InputError as error:
        _roll_back(context, import_id, error=str(error))
    except Exception:
        logger.exception("Import %s could not go on.", import_id)
        _roll_back(
            context,
            import_id,
            error="The import failed, see the server's log. Nothing of it was kept; try it again.",
        )
    else:
        if stop is ImportStop.ROLL_BACK:
            _roll_back(context, import_id)
        else:
            status = ImportStatus.KEPT if stop else ImportStatus.FINISHED
            with context.database.session_scope() as session:
                imports.end(session, import_id, status, now=utc_now())


def _store_steps(
    context: Context, import_id: int, source: ImportSource, options: ImportOptions
) -> ImportStop | None:
    num_existing = 0
    marks = Marks.of(options, import_id)
    with closing(read_steps(source, options)) as steps:
        for step in steps:
            with context.database.session_scope(background=True) as session:
                num_existing += store(session, step.prepared, marks)
                report = replace(step.report, num_existing=num_existing)
                stop = imports.note_progress(session, import_id, report, share=step.share)
            if stop is not None:
                return stop
    return None


def _report(stored: dict[str, Any]) -> ImportReport:
    """The counts of an import; its examples are not stored."""
    return ImportReport(**(stored | {"examples": []}))


def _roll_back(context: Context, import_id: int, *, error: str | None = None) -> None:
    with context.database.session_scope() as session:
        imports.roll_back(session, import_id, error=error)
    more = True
    while more:
        with context.database.session_scope(background=True) as session:
            more = roll_back_some(session, import_id)
            if not more:
                imports.end(session, import_id, ImportStatus.ROLLED_BACK, now=utc_now())
