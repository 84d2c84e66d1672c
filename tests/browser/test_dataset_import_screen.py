"""Datasets on the import panel: a hub dataset by its name, a folder by its path."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Serve
from tests.hub_server import serving
from tests.sample_files import hh_rlhf, jsonl

pytestmark = [pytest.mark.browser, pytest.mark.starter, pytest.mark.slow]

SLOW_MS = 30_000  # the rest of the suite may have left the machine busy


def _look_into(page: Page, name: str) -> None:
    field = page.locator("#prompts-dataset").get_by_role("textbox")
    field.fill(name)
    expect(page.locator("#prompts-report")).to_contain_text("Press Look", timeout=SLOW_MS)
    expect(page.locator("#prompts-import")).to_be_disabled()
    field.press("Enter")


def test_data_sets_are_looked_into_chosen_from_and_imported(
    browser: Browser,
    serve: Serve,
    data_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "rows.jsonl").write_bytes(jsonl([{"prompt": "Why?"}, {"title": "no"}]))
    with serving() as hub:
        hub.dataset("me/pairs", {"train.jsonl": hh_rlhf(), "test.jsonl": hh_rlhf(("Q?",))})
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        page = browser.new_page()
        server = serve(data_folder)
        page.goto(server.url)
        page.locator("#tab-prompts-button").click()
        # The table comes once the page listens.
        expect(page.locator("#prompts-table")).to_contain_text("starter", timeout=SLOW_MS)
        report, split = page.locator("#prompts-report"), page.locator("#prompts-dataset-split")

        _look_into(page, "me/nothing")
        expect(report).to_contain_text("The hub has no dataset me/nothing", timeout=SLOW_MS)
        _look_into(page, "me/pairs")
        expect(report).to_contain_text("12 pairs", timeout=SLOW_MS)
        expect(page.locator("#prompts-dataset-subset")).to_be_hidden()
        split.locator("input").click()
        split.get_by_role("option", name="test", exact=True).click()
        expect(report).to_contain_text("1 pair ", timeout=SLOW_MS)
        page.locator("#prompts-import").click()
        expect(report).to_contain_text("pairs: Imported 1 pair.", timeout=SLOW_MS)
        expect(page.locator("#prompts-table")).to_contain_text("me/pairs", timeout=SLOW_MS)
        expect(split).to_be_hidden()

        _look_into(page, str(folder))
        expect(report).to_contain_text("1 dropped", timeout=SLOW_MS)
        page.locator("#prompts-import").click()
        expect(report).to_contain_text("folder: Imported 1 prompt", timeout=SLOW_MS)
        page.locator("#prompts-dropped button").first.click()
        dropped = page.locator("#prompts-dropped")
        expect(dropped).to_contain_text("of an unknown format: rows 2", timeout=SLOW_MS)
        page.context.close()
        assert "Traceback" not in server.log, server.log
