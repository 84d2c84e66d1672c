"""The Data tab: search, filters, a pair with its history, withdrawing verdicts, and tags."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Serve
from tests.sample_files import hh_rlhf
from tests.server_process import ServerProcess
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SLOW = 30_000  # milliseconds for a page that has just been opened


@pytest.fixture
def server(serve: Serve, data_folder: Path) -> ServerProcess:
    started = serve(data_folder)
    started.api.call("import_file", started.api.upload("twelve.jsonl", hh_rlhf()))
    wait_until(
        lambda: started.api.call("browse", "pairs", "spider")["num_found"] == 1, what="the index"
    )
    return started


@pytest.fixture
def page(browser: Browser, server: ServerProcess) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.goto(server.url)
    opened.locator("#tab-data-button").click()
    expect(opened.locator("#data-found")).to_have_text("12 pairs", timeout=SLOW)
    yield opened
    context.close()


def _choose(page: Page, field: str, option: str) -> None:
    page.locator(f"#{field} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def _first_cell(page: Page, text: str) -> None:
    page.locator("#data-table [role=gridcell]:visible", has_text=text).first.click()


def test_search_and_filters_find_and_count(page: Page) -> None:
    found, search = page.locator("#data-found"), page.locator("#data-search input")
    search.fill("spider LEGS")
    expect(found).to_have_text("1 pair")
    search.fill("spider wings")
    expect(found).to_have_text("0 pairs")
    page.locator("#data-kind").get_by_text("Verdicts").click()
    search.fill("")
    expect(found).to_have_text("12 verdicts")
    page.locator("#data-filters button").first.click()
    _choose(page, "data-filter-verdict", "tie")
    expect(found).to_have_text("0 verdicts")
    page.locator("#data-kind").get_by_text("Prompts").click()
    expect(found).to_have_text(re.compile(r"1\d\d prompts · the newest 50 shown"))
    page.locator("#data-older").click()
    expect(page.locator("#data-table")).not_to_contain_text("spider")
    expect(page.locator("#data-filter-source input")).to_be_enabled()
    _choose(page, "data-filter-source", "twelve.jsonl")
    expect(found).to_have_text("12 prompts")


def test_verdicts_are_withdrawn_and_counted_again_and_the_counts_follow(
    page: Page, server: ServerProcess
) -> None:
    counts, history = page.locator("#header-counts"), page.locator("#data-history")
    _first_cell(page, "fly")
    expect(history).to_contain_text("counts")
    page.locator("#data-withdraw").click()
    expect(history).to_contain_text("withdrawn")
    expect(page.locator(".toast-body")).to_contain_text("1 pair waits for a verdict again")
    expect(counts).to_contain_text("11 labelled")
    page.locator("#data-again").click()
    expect(history).not_to_contain_text("withdrawn")
    expect(counts).to_contain_text("12 labelled")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#data-withdraw-all").click()
    expect(counts).to_contain_text("0 labelled")
    expect(page.locator("#data-table")).to_contain_text("waits for a verdict")
    assert _num_labelled(server) == 0


def test_tags_are_given_to_one_prompt_and_to_all_that_were_found(page: Page) -> None:
    page.locator("#data-kind").get_by_text("Prompts").click()
    page.locator("#data-search input").fill("name")
    found = page.locator("#data-found")
    expect(found).to_contain_text("prompts")
    _first_cell(page, "fly")
    page.locator("#data-tags input, #data-tags textarea").first.fill("birds, 鸟")
    page.locator("#data-save-tags").click()
    expect(page.locator("#data-table")).to_contain_text("birds, 鸟")
    page.locator("#data-tag-all button").first.click()
    page.locator("#data-tag-name input, #data-tag-name textarea").first.fill("naming")
    page.locator("#data-tag-ask").click()
    question = page.locator("#data-tag-question")
    expect(question).to_have_text(re.compile(r"Add the tag “naming” to \d+ prompts\?"))
    page.locator("#data-tag-confirm").click()
    expect(question).to_contain_text("changed")
    expect(page.locator("#data-table")).to_contain_text("birds, 鸟, naming")


def _num_labelled(server: ServerProcess) -> int:
    file = server.data_folder / "pairtune.db"
    with closing(sqlite3.connect(file)) as database:
        query = "SELECT count(*) FROM preferences WHERE withdrawn_at IS NULL"
        number = database.execute(query).fetchone()[0]
    assert isinstance(number, int)
    return number
