"""A data folder as PairTune left it when its schema was 0006, before ids were given once for all.

That version wrote all of it, in a project of an hour: one import with verdicts and one without, one
rolled back and one cut off in the middle; labels with an undo, a skip, an edit, and pairs that are
held; pairs of a model; a finished DPO run, one that was stopped at a checkpoint, a full model and a
reward model (these two by hand); comparisons with votes; a preset. `project.sql` is the `.dump` of
its database without most curves and without the search index, `exported.json` what it exported.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

import storage.schema.migrations

# ruff: noqa: S608 - the statements are made of names in this file and in a dump

OLD_PROJECT = Path(__file__).parent / "old_project"
FINISHED, CANCELLED, FULL, REWARD = 2, 3, 4, 5
"""Runs, by their ids: two of DPO, the second from the first's adapter, then SFT and reward."""
CHECKPOINT_STEP = 9
JUDGED = [
    {
        "prompt": f"Name {number} {things}.",
        "chosen": f"{number}.",
        "rejected": f"I would say {number} {things}, sir.",
        "difficulty": "easy",
    }
    for number, things in enumerate(
        ("rivers", "hills", "seas", "trees", "birds", "stones", "winds"), start=2
    )
]
"""All but one of the rows that its first import has stored."""


def make_old_data_folder(folder: Path) -> Path:
    """Write the database and the run folders."""
    shutil.copytree(OLD_PROJECT / "runs", folder / "runs")
    make_old_database(folder / "pairtune.db")
    return folder


def make_old_database(path: Path) -> None:
    """Write the database alone, by the statements of its dump."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript((OLD_PROJECT / "project.sql").read_text("utf-8"))


def make_older_database(path: Path, revision: str) -> None:
    """Write what a database of an earlier revision could hold of the project."""
    newer = path.with_name("newer.db")
    make_old_database(newer)
    _make_empty(path, revision)
    with closing(sqlite3.connect(path)) as database:
        database.execute("ATTACH ? AS newer", (str(newer),))
        for (table,) in database.execute(
            "SELECT name FROM main.sqlite_master WHERE type = 'table' AND sql NOT LIKE '%fts5%' "
            "AND name NOT LIKE '%\\_grams\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%' "
            "AND name NOT IN ('alembic_version', 'search_progress')"
        ).fetchall():
            columns = ", ".join(f'"{name}"' for name in columns_of(database, table))
            # Until revision 0006 the hash of a pair's content came without its prompt's id.
            values = columns.replace('"import_hash"', f"substr(import_hash, 17) || '{'0' * 16}'")
            database.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM newer.{table}")
        database.commit()
    newer.unlink()


def exported() -> dict[str, Any]:
    """The rows that the version of then has exported: pairs, and verdicts."""
    found: dict[str, Any] = json.loads((OLD_PROJECT / "exported.json").read_text("utf-8"))
    return found


def columns_of(database: sqlite3.Connection, table: str) -> list[str]:
    """The names of a table's columns."""
    return [row[1] for row in database.execute(f"PRAGMA main.table_info({table})")]


def _make_empty(path: Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(storage.schema.migrations.__file__).parent))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
