"""Opening, migrating and the two kinds of transactions, on real files."""

import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import PrimaryKeyConstraint, text
from sqlalchemy.exc import OperationalError

import storage.schema.migrations
from storage.data.prompts import add_prompt
from storage.errors import InputError
from storage.labelling.preferences import counts
from storage.schema.database import Database, open_database
from storage.schema.migrations import HEAD
from storage.schema.tables import Table
from storage.settings import Settings

MESSAGES = [{"role": "user", "content": "hello"}]


@pytest.fixture
def migrated(settings: Settings) -> Iterator[Database]:
    opened = open_database(settings)
    yield opened
    opened.close()


def test_migrated_schema_equals_the_tables(migrated: Database) -> None:
    with migrated.engine.connect() as connection:
        ours = {"include_name": lambda name, kind, _: not (kind == "table" and "_grams" in name)}
        context = MigrationContext.configure(connection, opts=ours)
        assert compare_metadata(context, Table.metadata) == []


def test_constraints_of_the_migrated_schema_have_the_names_of_the_tables(
    migrated: Database,
) -> None:
    with migrated.engine.connect() as connection:
        statements = connection.scalars(text("SELECT sql FROM sqlite_master WHERE type = 'table'"))
        schema = "\n".join(statements)
    names = {
        str(constraint.name)
        for table in Table.metadata.tables.values()
        for constraint in table.constraints
        if not isinstance(constraint, PrimaryKeyConstraint)
    }
    assert [name for name in names if f"CONSTRAINT {name} " not in schema] == []


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(storage.schema.migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_up_to_date_database_opens_without_alembic(settings: Settings) -> None:
    open_database(settings).close()
    script = (
        "import sys; from pathlib import Path\n"
        "from storage.schema.database import open_database; from storage.settings import Settings\n"
        f"open_database(Settings(data_folder=Path({str(settings.data_folder)!r}))).close()\n"
        "print('alembic' in sys.modules, 'torch' in sys.modules, 'gradio' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["False", "False", "False"]


def test_data_folder_and_database_are_private(settings: Settings) -> None:
    open_database(settings).close()
    assert stat.S_IMODE(settings.data_folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((settings.data_folder / "pairtune.db").stat().st_mode) == 0o600


def test_connections_have_the_durable_settings(database: Database) -> None:
    with database.read_scope() as session:
        found = [
            session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert found == ["wal", 2, 1, 10_000]


def test_stored_rows_are_there_after_reopening(settings: Settings) -> None:
    first = open_database(settings)
    with first.session_scope() as session:
        add_prompt(session, MESSAGES, source="test")
    first.close()
    second = open_database(settings)
    with second.read_scope() as session:
        assert counts(session).num_prompts == 1
    second.close()


def test_error_rolls_the_whole_transaction_back(database: Database) -> None:
    def store_and_fail() -> None:
        with database.session_scope() as session:
            add_prompt(session, MESSAGES, source="test")
            raise InputError("no")

    with pytest.raises(InputError, match="no"):
        store_and_fail()
    with database.read_scope() as session:
        assert counts(session).num_prompts == 0


def test_read_scope_cannot_write(database: Database) -> None:
    with database.read_scope() as session, pytest.raises(OperationalError, match="readonly"):
        add_prompt(session, MESSAGES, source="test")
    with database.session_scope() as session:
        add_prompt(session, MESSAGES, source="test")


def test_reader_sees_one_state_while_a_writer_commits(database: Database) -> None:
    with database.read_scope() as reader:
        assert counts(reader).num_prompts == 0
        with database.session_scope() as session:
            add_prompt(session, MESSAGES, source="test")
        assert counts(reader).num_prompts == 0


def test_entering_a_second_write_scope_is_an_error_and_not_a_deadlock(database: Database) -> None:
    with database.session_scope(), pytest.raises(RuntimeError, match="twice"):
        database.session_scope().__enter__()
    with database.session_scope() as session:
        add_prompt(session, MESSAGES, source="test")


def test_many_threads_open_connections_at_once(database: Database) -> None:
    failures = []

    def write(number: int) -> None:
        try:
            for turn in range(5):
                messages = [{"role": "user", "content": f"{number} {turn}"}]
                with database.session_scope() as session:
                    add_prompt(session, messages, source="test")
                with database.read_scope() as session:
                    counts(session)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.read_scope() as session:
        assert counts(session).num_prompts == 200


def test_data_folder_that_cannot_be_made_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        InputError, match=r"data folder .*file/data cannot be made: Not a directory"
    ):
        open_database(Settings(data_folder=tmp_path / "file" / "data"))


def test_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        open_database(Settings(data_folder=tmp_path / "file"))


def test_file_that_is_no_database_is_refused_and_kept(settings: Settings) -> None:
    settings.data_folder.mkdir()
    path = settings.data_folder / "pairtune.db"
    path.write_text("this is a letter, not a database " * 50)
    with pytest.raises(InputError, match="cannot be opened: file is not a database"):
        open_database(settings)
    assert path.read_text().startswith("this is a letter")


def test_database_of_a_newer_version_is_refused_and_kept(settings: Settings) -> None:
    open_database(settings).close()
    path = settings.data_folder / "pairtune.db"
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(InputError, match="version 9999, which this PairTune does not know"):
        open_database(settings)


def test_percent_sign_in_the_path_is_no_problem(tmp_path: Path) -> None:
    open_database(Settings(data_folder=tmp_path / "100% data")).close()
    assert (tmp_path / "100% data" / "pairtune.db").exists()
