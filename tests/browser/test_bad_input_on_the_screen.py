"""What cannot work is said on the page in a sentence, and nothing is written."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.sample_files import jsonl
from tests.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.starter, pytest.mark.slow]

FILES = {
    "prose.jsonl": (b"Dear all,\nthis is a letter.\n", "no row that can be used"),
    "empty.jsonl": (b"", "is empty"),
    "equal.jsonl": (jsonl([{"prompt": "A?", "chosen": "B.", "rejected": "B."}]), "1 equal"),
}


def test_unusable_files_and_a_training_without_pairs_are_explained(
    browser: Browser, module_server: ServerProcess, tmp_path: Path
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(module_server.url)
    page.locator("#tab-prompts-button").click()
    for name, (content, words) in FILES.items():
        file = tmp_path / name
        file.write_bytes(content)
        page.locator("#prompts-file input[type=file]").set_input_files(file)
        expect(page.locator("#tab-prompts")).to_contain_text(words)
        expect(page.locator("#prompts-import")).to_be_disabled()
        page.locator("#prompts-file button[aria-label='Clear']").first.click()
    page.locator("#tab-train-button").click()
    expect(page.locator("#train-preflight")).to_contain_text("No pair is labelled yet")
    expect(page.locator("#train-start")).to_be_disabled()
    assert "Traceback" not in page.locator("body").inner_text()
    assert module_server.api.call("runs") == []
    context.close()
