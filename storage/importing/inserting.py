"""Inserts many rows at once: plain values past the ORM, under ids that are known beforehand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from storage.schema.tables import Completion, Pair, Preference, Prompt

Row = tuple[Any, ...]
Key = TypeVar("Key")
ROWS_OF_STATEMENT = 250


def new_ids(
    session: Session, kind: type[Prompt | Completion | Pair | Preference], new: Sequence[Key]
) -> dict[Key, int]:
    """Return ids that were never taken, for the one transaction that writes."""
    # SQLite keeps the largest id that an AUTOINCREMENT table has had, also of inserts as below.
    largest = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
    first = (session.scalar(largest, {"table": kind.__tablename__}) or 0) + 1
    return dict(zip(new, range(first, first + len(new)), strict=True))


def insert_rows(session: Session, name: str, columns: str, rows: Sequence[Row]) -> None:
    """Insert rows whose values are as the database keeps them; `columns` has commas between.

    Many rows are one statement: during it other threads go on, and triggers cost little.
    """
    connection = session.connection()
    for start in range(0, len(rows), ROWS_OF_STATEMENT):
        chunk = rows[start : start + ROWS_OF_STATEMENT]
        marks = f"({', '.join('?' * len(chunk[0]))})"
        values = ", ".join([marks] * len(chunk))
        statement = f"INSERT INTO {name} ({columns}) VALUES {values}"  # noqa: S608 - names of ours
        connection.exec_driver_sql(statement, tuple(chain.from_iterable(chunk)))


def stored_time(moment: datetime) -> str:
    """Return a time as the database keeps it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
