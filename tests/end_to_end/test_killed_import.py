"""A server killed in the middle of an import: at the next start nothing of it is left."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.sample_files import jsonl
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

NUM_ROWS = 30_000


def _numbers(database: Path) -> dict[str, int]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        names = ("prompts", "completions", "pairs", "claims", "preferences")
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
            for name in names
        }
    finally:
        connection.close()


def _last_import(database: Path) -> tuple[str, str | None]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        query = "SELECT status, error FROM imports ORDER BY id DESC LIMIT 1"
        found: tuple[str, str | None] = connection.execute(query).fetchone() or ("none", None)
        return found
    finally:
        connection.close()


def test_a_killed_import_is_rolled_back_at_the_next_start(serve: Serve, data_folder: Path) -> None:
    rows = [
        {"prompt": f"Q{n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(NUM_ROWS)
    ]
    server = serve(data_folder)
    database = server.data_folder / "pairtune.db"
    api = server.api
    api.call("import_file", api.upload("first.jsonl", jsonl(rows[:10])))
    before = _numbers(database)
    big = api.upload("big.jsonl", jsonl(rows))
    api.http.post("/gradio_api/call/import_file", json={"data": [big]}).raise_for_status()
    wait_until(
        lambda: _last_import(database)[0] == "running" and _numbers(database)["pairs"] > 10,
        what="the first batch",
        timeout=60,
    )

    server.kill()

    assert 10 < _numbers(database)["pairs"] < NUM_ROWS
    server.start()
    wait_until(lambda: _last_import(database)[0] == "rolled_back", what="the roll-back", timeout=60)
    assert _numbers(database) == before
    assert "stopped" in json.dumps(_last_import(database))
    api = server.api
    report = api.call("import_file", api.upload("first.jsonl", jsonl(rows[5:15])))
    assert (report["num_pairs"], report["num_existing"]) == (10, 5)
