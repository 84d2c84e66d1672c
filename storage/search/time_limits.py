"""Ends a query that takes too long. SQLite's own: another database has a statement timeout."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

_STEPS = 20_000  # of SQLite's machine between two looks at the clock: about a millisecond


class OutOfTimeError(Exception):
    """A query was ended for want of time."""


@contextmanager
def time_limit(session: Session, seconds: float) -> Iterator[None]:
    """End what the session asks inside this block after some seconds.

    Raises:
        OutOfTimeError: it was ended; the session can be asked other things.
    """
    connection = session.connection().connection.driver_connection
    if not isinstance(connection, sqlite3.Connection):
        raise TypeError("Time limits are made for SQLite only.")
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        yield
    except OperationalError as error:
        if "interrupted" not in str(error.orig):
            raise
        raise OutOfTimeError(f"Ended after {seconds} seconds.") from error
    finally:
        connection.set_progress_handler(None, 0)
