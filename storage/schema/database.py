"""Opens the database, brings its schema up to date, and hands out transactions.

One process writes, one writer at a time: `session_scope` takes a process-wide lock and starts
with BEGIN IMMEDIATE, so no transaction can fail half-way for want of the lock. Reads run beside
it on the WAL. Storage functions take the session first and never commit; the scope does.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from storage.errors import InputError
from storage.schema.json_text import to_json
from storage.schema.migrations import HEAD
from storage.schema.write_lock import WriteLock
from storage.search import text_index
from storage.settings import Settings

BUSY_SECONDS = 10.0
# Indexes by hash are changed all over at every batch of an import.
WRITER_CACHE_KIB = 65_536
# For the same reason: a page that several batches change is copied into the database once.
PAGES_BETWEEN_CHECKPOINTS = 8192


class Database:
    """A pool of connections to one SQLite file."""

    def __init__(self, url: str) -> None:
        """Prepare connections to the database at `url`; nothing is opened yet."""
        self._reader = _engine(url, pool_size=16, max_overflow=48)
        event.listen(self._reader, "connect", _forbid_writing)
        event.listen(self._reader, "begin", _begin)
        # A writer of its own, as one connection may write: its cache of pages stays valid from
        # one transaction to the next, while a commit of any other connection would empty it.
        self._writer = _engine(url, pool_size=1)
        event.listen(self._writer, "connect", _prepare_writing)
        event.listen(self._writer, "begin", _begin_immediately)
        self._write_lock = WriteLock()
        self.num_commits = 0
        """Changes whenever something may have been written."""

    @property
    def engine(self) -> Engine:
        """The engine whose transactions may write; for migrations and checks."""
        return self._writer

    @contextmanager
    def session_scope(self, *, background: bool = False) -> Iterator[Session]:
        """Give a session that writes: committed at the end, rolled back on any error.

        One for `background` work, in many small steps, waits until nobody else wants to write.
        """
        self._write_lock.acquire(background=background)
        try:
            with Session(self._writer, expire_on_commit=False) as session, session.begin():
                yield session
            self.num_commits += 1
        finally:
            self._write_lock.release()

    @contextmanager
    def read_scope(self) -> Iterator[Session]:
        """Give a session that sees one state of the database and cannot change it."""
        with Session(self._reader, expire_on_commit=False) as session:
            yield session

    def close(self) -> None:
        """Close all connections; the last one folds the WAL into the file."""
        self._reader.dispose()
        self._writer.dispose()


def open_database(settings: Settings) -> Database:
    """Make the data folder and the database where missing, and migrate to the newest schema.

    Raises:
        InputError: the folder cannot be used, or the file is not a database of this version.
    """
    _make_data_folder(settings.data_folder)
    path = database_file(settings)
    _make_private_file(path)
    database = Database(settings.sqlite_url)
    try:
        _migrate(database.engine, path)
    except DatabaseError as error:
        database.close()
        raise _cannot_open(path, error) from error
    except InputError:
        database.close()
        raise
    return database


def database_file(settings: Settings) -> Path:
    """Return where the database lies; it need not exist yet."""
    return Path(make_url(settings.sqlite_url).database or "")


def _engine(url: str, **pool: int) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        json_serializer=to_json,
        **pool,
    )
    event.listen(engine, "connect", _prepare_connection)
    return engine


def _prepare_connection(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions start in an event, not in the driver
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    text_index.prepare(connection)


def _forbid_writing(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA query_only = ON")


def _prepare_writing(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {PAGES_BETWEEN_CHECKPOINTS}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_immediately(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _make_data_folder(folder: Path) -> None:
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise InputError(
            f"The data folder {folder} cannot be made: {error.strerror}. "
            "Choose another one with --data or PAIRTUNE_DATA."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(
            f"The data folder {folder} cannot be written to. Change its permissions, "
            "or choose another one with --data or PAIRTUNE_DATA."
        )


def _make_private_file(path: Path) -> None:
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError as error:
        raise InputError(
            f"The database {path} cannot be written: {error.strerror}. "
            "Change its permissions, or choose another data folder."
        ) from error


def _migrate(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        switch = connection.connection.cursor().execute
        # A migration may drop a table that others refer to, and put another in its place. Within
        # a transaction SQLite takes no notice of this switch.
        switch("PRAGMA foreign_keys = OFF")
        with connection.begin():
            if _revision(connection) != HEAD:
                _upgrade(connection, path)
        switch("PRAGMA foreign_keys = ON")


def _upgrade(connection: Connection, path: Path) -> None:
    # Imported here: an up-to-date database then starts without loading Alembic.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    found = _revision(connection)
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise InputError(
            f"The database {path} has the version {found}, which this PairTune does not know. "
            "It was made by a newer one: update PairTune, or choose another data folder."
        ) from error


def _revision(connection: Connection) -> str | None:
    table = connection.scalar(text("SELECT name FROM sqlite_master WHERE name = 'alembic_version'"))
    if table is None:
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _cannot_open(path: Path, error: DatabaseError) -> InputError:
    return InputError(
        f"The database {path} cannot be opened: {error.orig}. "
        "Restore it from a backup, or choose another data folder."
    )
