"""Inserts many rows at once: plain values past the ORM, under ids that are known beforehand."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import column, func, insert, select, table
from sqlalchemy.orm import Session

from storage.tables import Completion, Pair, Preference, Prompt

Row = tuple[Any, ...]


def next_id(session: Session, kind: type[Prompt | Completion | Pair | Preference]) -> int:
    """Return the id from which on none is taken, for the transaction that holds the write lock."""
    return (session.scalar(select(func.max(kind.id))) or 0) + 1


def insert_rows(session: Session, name: str, columns: str, rows: Sequence[Row]) -> None:
    """Insert rows whose values are as the database keeps them; `columns` has commas between."""
    if rows:
        connection = session.connection()
        target = table(name, *(column(each) for each in columns.split(", ")))
        statement = str(insert(target).compile(dialect=connection.dialect))
        connection.exec_driver_sql(statement, list(rows))


def stored_json(value: Any) -> str:
    """Return a JSON value as the database keeps it."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def stored_time(moment: datetime) -> str:
    """Return a time as the database keeps it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
