"""What labelling asks at every verdict stays on indexes, however many pairs there are."""

from typing import Any

import pytest
from sqlalchemy import Connection, event

from storage.clock import utc_now
from storage.labelling.preferences import counts, progress
from storage.labelling.queue import Submission, hold, reopen_skipped, submit, undo
from storage.labelling.statistics import verdict_counts
from storage.schema.database import Database
from tests.storage.conftest import MakeLabeller, MakePairs

READS_OR_CHANGES = ("SELECT", "UPDATE")


def _plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    return [row[3] for row in rows]


@pytest.fixture
def asked(database: Database) -> list[tuple[str, Any]]:
    """Every statement that is sent from now on, with its parameters."""
    statements: list[tuple[str, Any]] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda *given: statements.append((given[2], given[3])),
    )
    return statements


def _whole_table_scans(database: Database, asked: list[tuple[str, Any]]) -> list[str]:
    sent = [entry for entry in asked if entry[0].startswith(READS_OR_CHANGES)]
    with database.engine.connect() as connection:
        return [
            f"{step}: {statement}"
            for statement, parameters in sent
            for step in _plan(connection, statement, parameters)
            if step.startswith("SCAN") and "INDEX" not in step
        ]


def test_labelling_never_scans_a_whole_table(
    database: Database,
    make_pairs: MakePairs,
    make_labeller: MakeLabeller,
    asked: list[tuple[str, Any]],
) -> None:
    pairs, me = make_pairs(3), make_labeller("me")
    asked.clear()
    with database.session_scope() as session:
        hold(session, me, count=2, now=utc_now())
        submit(session, me, Submission("one", pairs[0], "left"), now=utc_now())
        submit(session, me, Submission("two", pairs[1], "skip"), now=utc_now())
        undo(session, me, now=utc_now())
        reopen_skipped(session, me, now=utc_now())
    assert len(asked) > 10
    assert _whole_table_scans(database, asked) == []


def test_counts_look_at_few_rows_however_many_there_are(
    database: Database, make_labeller: MakeLabeller, asked: list[tuple[str, Any]]
) -> None:
    me = make_labeller("me")
    asked.clear()
    with database.session_scope() as session:
        counts(session)
        progress(session, me)
        verdict_counts(session)
    with database.engine.connect() as connection:
        scanned = {
            step
            for statement, parameters in tuple(asked)
            if statement.startswith("SELECT")
            for step in _plan(connection, statement, parameters)
            if step.startswith("SCAN")
        }
    assert scanned == {
        "SCAN tallies",
        "SCAN pairs USING INDEX ix_pairs_comparison",
        "SCAN adapters USING COVERING INDEX ix_adapters_run_id",
        "SCAN verdict_tallies",
        # Imported verdicts took no time that anybody knows, so they are not in it.
        "SCAN preferences USING COVERING INDEX ix_preferences_seconds",
    }
