"""A newcomer's whole loop in a real browser: import, generate, label, train, compare, vote."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.log_probabilities import mean_margin
from tests.sample_files import hh_rlhf
from tests.server_process import ServerProcess
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.starter, pytest.mark.slow]

NUM_TO_LABEL = 10
KEYS = ("1", "2", "ArrowLeft", "ArrowRight", "1", "2", "0", "1", "ArrowRight", "2")
SLOW_MS = 300_000


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page in a window of laptop size."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


def test_a_newcomer_goes_through_the_whole_loop(
    page: Page, server: ServerProcess, tmp_path: Path
) -> None:
    page.goto(server.url)
    _import_prompts(page, tmp_path)
    _generate(page)
    _label(page, server.data_folder)
    _train(page)
    _compare_and_vote(page)

    rows = _query(server.data_folder, "SELECT origin, verdict FROM preferences "
                  "JOIN pairs ON pairs.id = pair_id WHERE withdrawn_at IS NULL")  # fmt: skip
    assert [origin for origin, _ in rows].count("generated") == NUM_TO_LABEL
    assert [origin for origin, _ in rows].count("comparison") == 1
    ((folder,),) = _query(server.data_folder, "SELECT folder FROM adapters")
    assert (server.data_folder / folder / "manifest.json").is_file()
    assert mean_margin(server.data_folder, (server.data_folder / folder).parent) > 0


def _import_prompts(page: Page, folder: Path) -> None:
    file = folder / "twelve.jsonl"
    file.write_bytes(hh_rlhf())
    page.locator("#tab-prompts-button").click()
    page.locator("#prompts-file input[type=file]").set_input_files(file)
    expect(page.locator("#prompts-report")).to_contain_text("hh-rlhf raw")
    page.locator("#prompts-only input").check()
    expect(page.locator("#prompts-report")).to_contain_text("12 prompts")
    page.locator("#prompts-import").click()
    expect(page.locator("#prompts-table")).to_contain_text("What do bees make?")


def _generate(page: Page) -> None:
    # One for each imported prompt: the starter's own prompts take long answers, several times.
    page.locator("#pairs-count-input input").fill("12")
    page.locator("#pairs-generate").click()
    # Labelling starts while generation is still running.
    expect(page.locator("#pairs-label")).to_be_enabled(timeout=SLOW_MS)
    page.locator("#pairs-label").click()
    expect(page.locator("#label-left")).to_be_visible()


def _label(page: Page, data_folder: Path) -> None:
    for number, key in enumerate(KEYS, start=1):
        _wait_for_pair(page, number)
        page.keyboard.press(key)
        wait_until(
            lambda expected=number: _num_preferences(data_folder) == expected,
            what=f"verdict {number} in the database",
        )
        if number == 1:
            assert _query(data_folder, "SELECT status FROM runs") == [("running",)]
    page.keyboard.press("u")
    wait_until(lambda: _num_preferences(data_folder) == NUM_TO_LABEL - 1, what="the undo")
    expect(page.locator("#label-choose-right[data-previous]")).to_be_visible()
    _wait_for_pair(page, NUM_TO_LABEL)
    page.keyboard.press("2")
    wait_until(lambda: _num_preferences(data_folder) == NUM_TO_LABEL, what="the last verdict")
    rows = _query(data_folder, 'SELECT verdict, "left" FROM preferences WHERE withdrawn_at IS NULL')
    expected = ["left" if key in ("1", "ArrowLeft") else "tie" if key == "0" else "right"
                for key in KEYS]  # fmt: skip
    chosen = ["tie" if verdict == "tie" else "left" if verdict == left else "right"
              for verdict, left in rows]  # fmt: skip
    assert chosen == expected
    # Ten fair draws are all alike once in 512 times.
    assert {
        left
        for _, left in _query(
            data_folder,
            'SELECT verdict, "left" FROM preferences '
            'UNION ALL SELECT NULL, "left" FROM claims WHERE "left" IS NOT NULL',
        )
    } == {"a", "b"}


def _wait_for_pair(page: Page, number: int) -> None:
    """Wait until the pair can be judged; generation may be behind."""
    expect(page.locator("#label-live")).to_contain_text(f"Pair {number} of", timeout=SLOW_MS)
    expect(page.locator("#label-choose-left")).to_be_visible()
    # While a button flashes, a second press is taken for a double one.
    expect(page.locator("[data-flash]")).to_have_count(0)


def _train(page: Page) -> None:
    page.locator("#tab-train-button").click()
    expect(page.locator("#train-preflight")).to_contain_text("train")
    page.locator("#train-start").click()
    expect(page.locator("#train-status")).to_contain_text("Step", timeout=SLOW_MS)
    page.reload()
    page.locator("#tab-train-button").click()
    expect(page.locator("#train-status")).to_contain_text("Finished", timeout=SLOW_MS)
    expect(page.locator("#train-plot svg").first).to_be_visible()
    expect(page.locator("#train-diagnosis")).not_to_be_empty()


def _compare_and_vote(page: Page) -> None:
    page.locator("#tab-compare-button").click()
    page.locator("#compare-prompt textarea").fill("Tell me one thing about the moon.")
    page.locator("#compare-send").click()
    expect(page.locator("#compare-vote-right")).to_be_enabled(timeout=SLOW_MS)
    page.locator("#compare-vote-right").click()
    expect(page.locator("#compare-verdict")).to_contain_text("1 of 1")


def _num_preferences(data_folder: Path) -> int:
    ((number,),) = _query(
        data_folder, "SELECT count(*) FROM preferences WHERE withdrawn_at IS NULL"
    )
    return int(number)


def _query(data_folder: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(data_folder / "pairtune.db")) as database:
        return database.execute(sql).fetchall()
