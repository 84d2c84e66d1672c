"""Verdicts on the Data tab: look at a pair's history, withdraw a verdict, then a labeller's all."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import Serve
from tests.sample_files import hh_rlhf
from tests.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_verdicts_are_withdrawn_and_leave_the_counts(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    server = serve(tmp_path / "data")
    server.api.call("import_file", server.api.upload("twelve.jsonl", hh_rlhf()))
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(server.url)
    page.locator("#tab-data-button").click()
    table = page.locator("#data-verdicts")
    expect(table).to_contain_text("counts", timeout=30_000)
    table.locator("[role=gridcell]:visible").first.click()
    history = page.locator("#data-history")
    expect(history).to_contain_text("counts")
    page.locator("#data-withdraw").click()
    expect(history).to_contain_text("withdrawn")
    expect(page.locator("#data-withdraw")).to_be_disabled()
    assert _num_labelled(server) == 11
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#data-withdraw-all").click()
    expect(table).not_to_contain_text("counts")
    assert _num_labelled(server) == 0
    context.close()


def _num_labelled(server: ServerProcess) -> int:
    file = server.data_folder / "pairtune.db"
    with closing(sqlite3.connect(file)) as database:
        query = "SELECT count(*) FROM preferences WHERE withdrawn_at IS NULL"
        number = database.execute(query).fetchone()[0]
    assert isinstance(number, int)
    return number
