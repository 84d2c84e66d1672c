"""Text that was written to harm stays text: no script, no request, no hold on the controls."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.sample_files import jsonl
from tests.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.starter, pytest.mark.slow]

PAYLOADS = (
    "<script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>",
    "[a](javascript:alert(4)) <a href='javascript:alert(5)'>b</a>",
    "<iframe src='javascript:alert(6)'></iframe> <style>@import '//203.0.113.9'</style>",
    "![i](http://203.0.113.9/i.png) <img src=//203.0.113.9/j.png>",
    "<form action=/x><button id=label-choose-left class=goto-train>press me</button></form>",
    '<div id=label-state><code>{"serial":99,"front":1,"decks":[0,0]}</code></div>',
    "<div id=label-left class=deck-1 style='position:fixed;inset:0'>over all</div>",
    "<i class=save-now data-button=label-tie data-serial=1></i> $$\\href{javascript:alert(7)}{x}$$",
)


@pytest.fixture
def page(browser: Browser, module_server: ServerProcess) -> Iterator[Page]:
    rows = [
        {"prompt": f"Prompt {number} {payload}", "answer_a": payload, "answer_b": f"{payload} too"}
        for number, payload in enumerate(PAYLOADS)
    ]
    api = module_server.api
    api.call("import_file", api.upload("<img src=x onerror=alert(8)>.jsonl", jsonl(rows)))
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


def test_hostile_text_stays_text(page: Page, module_server: ServerProcess) -> None:
    dialogs: list[str] = []
    hosts: set[str] = set()
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    # What the policy holds back is announced as a request too, but never finishes.
    page.on("requestfinished", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto(module_server.url)
    expect(page.locator("#prompts-table")).to_contain_text("Prompt 7", timeout=30_000)
    page.locator("#tab-label-button").click()
    for number in range(len(PAYLOADS)):
        expect(page.locator(".deck:visible .prose").first).to_contain_text("Prompt", timeout=30_000)
        expect(page.locator("#label-progress")).to_contain_text(f"Pair {number + 1} ")
        # Pressed inside the text, the page's own names do nothing.
        page.evaluate('document.querySelectorAll(".md button").forEach((b) => b.click())')
        expect(page.locator("[data-flash]")).to_have_count(0)
        page.keyboard.press("0")
    expect(page.locator("#label-empty")).to_contain_text(
        f"All {len(PAYLOADS)} pairs", timeout=30_000
    )
    assert dialogs == []
    assert hosts - {""} == {urlsplit(module_server.url).netloc}
    with closing(sqlite3.connect(module_server.data_folder / "pairtune.db")) as database:
        verdicts = database.execute("SELECT verdict, count(*) FROM preferences GROUP BY 1")
        assert verdicts.fetchall() == [("tie", len(PAYLOADS))]
