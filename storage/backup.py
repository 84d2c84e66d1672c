"""Copies the database while it is in use, and checks a copy. Knows nothing of archives.

Both work on files, through SQLite's own means: the database of a running server is only read.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from storage.errors import InputError


def copy_database(database: Path, to: Path) -> None:
    """Write one state of the database to a new file, with all that is committed by now.

    Writers go on meanwhile, also in another process.

    Raises:
        InputError: there is no database, it is damaged, or the copy cannot be written.
    """
    if not database.is_file():
        raise InputError(
            f"There is no database at {database}, so there is nothing to back up. "
            "Name the data folder with --data."
        )
    try:
        with (
            closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(to)) as copy,
        ):
            source.backup(copy)
            # The copy is one file: the mode of the original would put new ones beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise InputError(f"The database {database} cannot be copied: {error}.") from error


def check_database(database: Path) -> None:
    """Look through a whole database for damage.

    Raises:
        InputError: it is damaged, or it is no database of PairTune.
    """
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as found:
            [(verdict,)] = found.execute("PRAGMA integrity_check(1)").fetchall()
            orphans = found.execute("PRAGMA foreign_key_check").fetchone()
            found.execute("SELECT count(*) FROM pairs").fetchone()
            found.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise InputError(f"It holds no sound database of PairTune: {error}.") from error
    if verdict != "ok" or orphans is not None:
        raise InputError("It holds a damaged database.")
