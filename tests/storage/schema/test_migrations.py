"""Databases of every earlier revision open with all that they held, and ids never come again."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from storage.clock import utc_now
from storage.data.prompts import add_prompt
from storage.enums import BrowseKind, Holds, ImportStatus, ImportStop, Searched
from storage.labelling import queue
from storage.labelling.preferences import counts
from storage.labelling.queue import Submission
from storage.schema.database import Database, open_database
from storage.schema.tables import Adapter, Import, Labeller, Pair, Prompt
from storage.search import browse, text_index
from storage.search.filters import BrowseFilter
from storage.settings import Settings
from tests.old_data_folder import (
    CANCELLED,
    FINISHED,
    FULL,
    JUDGED,
    REWARD,
    make_old_database,
    make_older_database,
)
from tests.storage.importing_files import import_file

REVISIONS = ["0001", "0002", "0003", "0004", "0005", "0006"]
NAMES_CHANGED = {"slot", "status", "stop"}


@pytest.fixture(params=REVISIONS)
def revision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(settings: Settings, revision: str) -> Path:
    """A filled database of an earlier revision, in the place of the data folder's own."""
    settings.data_folder.mkdir()
    path = settings.data_folder / "pairtune.db"
    if revision == "0006":
        make_old_database(path)
    else:
        make_older_database(path, revision)
    return path


@pytest.fixture
def migrated(settings: Settings, path: Path) -> Iterator[Database]:
    opened = open_database(settings)
    yield opened
    opened.close()


def _rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    """All rows by table, in the order of their ids, without what the migration names anew."""
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        tables = [
            name
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not re.search("_grams|sqlite_|alembic", name)
        ]
        return {
            table: [
                {name: value for name, value in dict(row).items() if name not in NAMES_CHANGED}
                for row in database.execute(f"SELECT * FROM {table} ORDER BY 1, 2")  # noqa: S608
            ]
            for table in tables
        }


def _schema(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {" ".join(sql.replace('"', "").split()) for (sql,) in rows}


def test_every_earlier_revision_gets_the_schema_of_a_new_database(
    migrated: Database, path: Path, empty_file: Path
) -> None:
    assert _schema(path) == _schema(empty_file)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_nothing_that_was_stored_is_lost_or_changed(
    settings: Settings, path: Path, revision: str
) -> None:
    before = _rows(path)
    open_database(settings).close()
    after = _rows(path)
    assert before["preferences"]
    for table, rows in before.items():
        kept = set(rows[0] if rows else ())
        if revision < "0006":
            kept.discard("import_hash")
        assert _only(kept, after[table]) == _only(kept, rows), table


def _only(names: set[str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in names} for row in rows]


def test_tallies_are_counted_and_kept_on(migrated: Database, path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        tallies = dict(database.execute("SELECT kind, number FROM tallies").fetchall())
        assert tallies == {"prompts": 17, "pairs": 20, "verdicts": 17, "labelled": 14, "open": 6}
        by_verdict = database.execute(
            "SELECT verdict, sum(number) FROM verdict_tallies GROUP BY 1 ORDER BY 1"
        ).fetchall()
        assert by_verdict == [("a", 9), ("b", 2), ("both_bad", 1), ("skip", 1), ("tie", 2)]
    with migrated.session_scope() as session:
        labeller = session.scalars(select(Labeller).where(Labeller.name == "local")).one()
        [held, *_] = queue.hold(session, labeller.id, count=1, now=utc_now())
        queue.submit(session, labeller.id, Submission("new", held.pair_id, "tie"), now=utc_now())
        assert counts(session).num_labelled == 15
        assert counts(session).num_open == 5


def test_ids_of_deleted_rows_never_come_again(migrated: Database) -> None:
    with migrated.session_scope() as session:
        last = session.scalar(select(func.max(Prompt.id)))
        prompt, _ = add_prompt(session, [{"role": "user", "content": "new"}], source="test")
        assert prompt.id == (last or 0) + 1
    with migrated.session_scope() as session:
        session.delete(session.get_one(Prompt, prompt.id))
    with migrated.session_scope() as session:
        again, _ = add_prompt(session, [{"role": "user", "content": "new"}], source="test")
        assert again.id == prompt.id + 1


def test_what_each_adapter_holds_is_known_from_the_options_of_its_run(migrated: Database) -> None:
    with migrated.read_scope() as session:
        holds = {adapter.run_id: adapter.holds for adapter in session.scalars(select(Adapter))}
    assert holds == {
        FINISHED: Holds.ADAPTER,
        CANCELLED: Holds.ADAPTER,
        FULL: Holds.FULL_MODEL,
        REWARD: Holds.REWARD_MODEL,
    }


def test_stored_texts_are_indexed_and_found(migrated: Database) -> None:
    with migrated.session_scope() as session:
        while text_index.index_some(session, Searched.PAIRS):
            pass
    with migrated.read_scope() as session:
        found = browse.find(session, BrowseKind.PAIRS, BrowseFilter(search="formal"))
    assert found == [11]


@pytest.mark.parametrize("revision", REVISIONS[2:], indirect=True)
def test_imports_are_rolled_back_under_their_new_names(migrated: Database) -> None:
    with migrated.read_scope() as session:
        imports = [(row.status, row.stop) for row in session.scalars(select(Import))]
    assert imports == [
        (ImportStatus.FINISHED, None),
        (ImportStatus.FINISHED, None),
        (ImportStatus.ROLLED_BACK, ImportStop.ROLL_BACK),
        (ImportStatus.KEPT, ImportStop.KEEP),
        (ImportStatus.ROLLING_BACK, None),
    ]


def test_pairs_that_were_imported_before_are_known_when_their_file_comes_again(
    migrated: Database, tmp_path: Path
) -> None:
    path = tmp_path / "judged.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in JUDGED))
    with migrated.session_scope() as session:
        report = import_file(session, path, source="judged.jsonl")
        # One of the verdicts has been withdrawn since, and is given again.
        assert report.num_existing == len(JUDGED) - 1
        assert session.scalar(select(func.count(Pair.id))) == 20
