"""Imports: which files are being brought in, how far they are, and how they have ended."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.enums import ImportStatus, ImportStop
from storage.errors import NotFoundError, StaleError
from storage.importers.report import ImportReport
from storage.schema.tables import Import


def begin(session: Session, *, source: str, started_by: str) -> int:
    """Note that a file is being brought in; return the import's id."""
    row = Import(source=source, status=ImportStatus.RUNNING, started_by=started_by)
    session.add(row)
    session.flush()
    return row.id


def get_import(session: Session, import_id: int) -> Import:
    """Return an import; raises NotFoundError."""
    row = session.get(Import, import_id)
    if row is None:
        raise NotFoundError(f"There is no import {import_id}.")
    return row


def latest(session: Session) -> Import | None:
    """Return the import that began last, or None."""
    return session.scalar(select(Import).order_by(Import.id.desc()).limit(1))


def unfinished(session: Session) -> list[int]:
    """Return the ids of imports that have not ended, the first one first."""
    ended = [status for status in ImportStatus if status.has_ended]
    return list(session.scalars(select(Import.id).where(Import.status.not_in(ended))))


def ask_to_stop(session: Session, import_id: int, stop: ImportStop) -> None:
    """Ask a running import to stop after its batch.

    Raises:
        StaleError: it has ended, or is being rolled back already.
    """
    row = get_import(session, import_id)
    if row.status is not ImportStatus.RUNNING:
        raise StaleError("This import has ended already. Nothing was changed.")
    row.stop = stop


def note_progress(
    session: Session, import_id: int, report: ImportReport, *, share: float
) -> ImportStop | None:
    """Store how far an import is; return how somebody has asked it to stop."""
    row = get_import(session, import_id)
    row.share, row.report = share, report.as_json()
    return row.stop


def roll_back(session: Session, import_id: int, *, error: str | None = None) -> None:
    """Note that what an import has stored is being rolled back, and why."""
    row = get_import(session, import_id)
    row.status, row.error = ImportStatus.ROLLING_BACK, error or row.error


def end(session: Session, import_id: int, status: ImportStatus, *, now: datetime) -> None:
    """Note how an import has ended."""
    row = get_import(session, import_id)
    row.status, row.ended_at = status, now
