"""Tables of one import, in a temporary file of SQLite's own that vanishes with its connection."""

import sqlite3

_CACHE_KIB = 16_384  # what more there is lies on the disk


def temporary_tables(*statements: str) -> sqlite3.Connection:
    """Open a new, private database and make its tables; everything is one open transaction."""
    # One thread at a time reads a file, but it may not be the one that began.
    rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIB}"):
        rows.execute(f"PRAGMA {pragma}")
    for statement in statements:
        rows.execute(statement)
    rows.execute("BEGIN")  # never committed: nobody else reads it, and it vanishes at the end
    return rows
