"""The import on the screen: what was understood, columns under other names, and the result."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.sample_files import jsonl
from tests.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.starter, pytest.mark.slow]

SLOW_MS = 30_000  # the rest of the suite may have left the machine busy


def test_columns_are_mapped_looked_at_and_imported(
    browser: Browser, module_server: ServerProcess, tmp_path: Path
) -> None:
    rows = [{"frage": f"F{n}?", "gut": f"<b>ja {n}</b>", "schlecht": "nein"} for n in range(9)]
    file = tmp_path / "fragen.jsonl"
    file.write_bytes(jsonl(rows))
    context = browser.new_context()
    page = context.new_page()
    page.goto(module_server.url)
    page.locator("#tab-prompts-button").click()
    page.locator("#prompts-file input[type=file]").set_input_files(file)
    report = page.locator("#prompts-report")
    expect(report).to_contain_text("of an unknown format", timeout=SLOW_MS)
    expect(page.locator("#prompts-import")).to_be_disabled()
    page.locator("#prompts-mapping button").first.click()
    for role, column in (("prompt", "frage"), ("chosen", "gut"), ("rejected", "schlecht")):
        dropdown = page.locator(f"#prompts-column-{role}")
        dropdown.locator("input").click()
        dropdown.get_by_role("option", name=column, exact=True).click()
    expect(report).to_contain_text("9 pairs", timeout=SLOW_MS)
    page.locator("#prompts-examples button").first.click()
    expect(page.locator("#prompts-examples")).to_contain_text("<b>ja 0</b>", timeout=SLOW_MS)
    page.locator("#prompts-source input, #prompts-source textarea").fill("umfrage")
    page.locator("#prompts-import").click()
    expect(report).to_contain_text("umfrage: Imported 9 pairs.", timeout=SLOW_MS)
    expect(page.locator("#prompts-table")).to_contain_text("umfrage", timeout=SLOW_MS)
    page.reload()
    expect(page.locator("body")).to_contain_text("9 pairs · 9 labelled", timeout=SLOW_MS)
    context.close()
