"""The Data tab's downloads: a format and a filter chosen on the screen, and a backup."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.services.outputs.backup import restore
from tests.sample_files import labelled_pairs
from tests.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.starter, pytest.mark.slow]


def test_chosen_rows_and_a_backup_come_with_one_click_each(
    browser: Browser, server: ServerProcess, tmp_path: Path
) -> None:
    server.api.call("import_file", server.api.upload("numbers.jsonl", labelled_pairs(24)))
    page = browser.new_page(accept_downloads=True)
    page.goto(server.url)
    page.locator("#tab-data-button").click()
    expect(page.locator("#data-export-count")).to_have_text("24 rows")
    page.locator("#data-export-filters button").first.click()
    page.get_by_label("a verdict", exact=True).check()
    page.locator("#data-export-format input").click()
    page.get_by_role("option", name="Table for people (.csv)").click()
    expect(page.locator("#data-export-purpose")).to_contain_text("spreadsheets")
    expect(page.locator("#data-export-count")).to_have_text("24 rows")
    with page.expect_download() as table:
        page.locator("#data-export").click()
    assert table.value.suggested_filename == "preferences.csv"
    with Path(table.value.path()).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert {row["annotator"] for row in rows} == {"numbers.jsonl"}
    with page.expect_download() as backup:
        page.locator("#data-backup").click()
    restore(Path(backup.value.path()), tmp_path / "restored")
    assert (tmp_path / "restored" / "pairtune.db").is_file()
    page.close()
