"""The Label screen in a real browser: the next pair at once, one verdict a decision, keys, undo."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.sample_files import jsonl
from tests.server_process import ServerProcess
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.starter, pytest.mark.slow]

NUM_PAIRS = 12
SLOW_MS = 30_000  # the rest of the suite may have left the machine busy


@pytest.fixture(scope="module", autouse=True)
def pairs(module_server: ServerProcess) -> None:
    rows = [
        {
            "prompt": f"Question number {number}?",
            "answer_a": f"First answer to {number}, with **bold** and\na second line.",
            "answer_b": f"Second answer to {number}, <b>not</b> a tag.",
        }
        for number in range(NUM_PAIRS)
    ]
    api = module_server.api
    assert api.call("import_file", api.upload("open.jsonl", jsonl(rows)))["num_unlabelled"] == 12


@pytest.fixture
def page(browser: Browser, module_server: ServerProcess) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(module_server.url)
    page.locator("#tab-label-button").click()
    expect(page.locator("#label-prompt")).to_contain_text("Question number", timeout=SLOW_MS)
    expect(page.locator("#label-live")).to_contain_text("Pair")
    yield page
    context.close()


def _rows(server: ServerProcess, sql: str) -> list[Any]:
    with closing(sqlite3.connect(server.data_folder / "pairtune.db")) as database:
        return database.execute(sql).fetchall()


def _num_active(server: ServerProcess) -> int:
    query = "SELECT count(*) FROM preferences WHERE withdrawn_at IS NULL"
    return int(_rows(server, query)[0][0])


def _prompt(page: Page, deck: str = "label-prompt") -> str | None:
    # Beside the text, Gradio keeps a hidden line on how far the request is.
    return page.locator(f"#{deck} .prose").last.text_content()


def _answered(page: Page) -> None:
    """Wait until the free deck holds the pair after the one that is shown."""
    expect(page.locator("#label-prompt-next")).to_contain_text("Question number", timeout=SLOW_MS)
    wait_until(
        lambda: _prompt(page, "label-prompt-next") != _prompt(page),
        what="the next pair in the free deck",
    )
    _calm(page)


def _calm(page: Page) -> None:
    """Wait until the button's flash is over: until then another press is taken for a double one."""
    expect(page.locator("[data-flash]")).to_have_count(0)


def _judge(page: Page, server: ServerProcess, key: str, *, num_before: int) -> None:
    """Press a key and wait for its verdict; what was sent before it has been stored by then."""
    _calm(page)
    page.keyboard.press(key)
    wait_until(lambda: _num_active(server) > num_before, what="the verdict")


def test_a_verdict_shows_the_next_pair_before_the_server_can_answer_and_moves_no_control(
    page: Page,
) -> None:
    _answered(page)
    ahead = _prompt(page, "label-prompt-next")
    place = page.locator("#label-choose-left").bounding_box()
    # Read in the same turn of the browser's event loop as the key: no answer can be there yet.
    shown = page.evaluate(
        """() => {
             document.dispatchEvent(new KeyboardEvent("keydown", { key: "1", bubbles: true }));
             return [...document.querySelectorAll("#label-prompt .prose")].at(-1).textContent;
           }"""
    )
    assert shown == ahead
    assert _prompt(page) == ahead
    _answered(page)
    assert page.locator("#label-choose-left").bounding_box() == place


def test_a_double_click_is_one_verdict(page: Page, module_server: ServerProcess) -> None:
    before = _num_active(module_server)
    page.locator("#label-tie").dblclick()
    _answered(page)
    # Verdicts are sent one after the other: a second one would be there before this one.
    _judge(page, module_server, "1", num_before=before + 1)
    assert _num_active(module_server) == before + 2


def test_undo_walks_back_and_marks_what_was_chosen(
    page: Page, module_server: ServerProcess
) -> None:
    before = _num_active(module_server)
    first = _prompt(page)
    page.keyboard.press("x")
    _answered(page)
    second = _prompt(page)
    page.keyboard.press("ArrowRight")
    _answered(page)
    page.keyboard.press("u")
    expect(page.locator("#label-choose-right[data-previous]")).to_be_visible()
    assert _prompt(page) == second
    page.keyboard.press("u")
    expect(page.locator("#label-both-bad[data-previous]")).to_be_visible()
    assert _prompt(page) == first
    assert _num_active(module_server) == before


def test_keys_do_nothing_while_one_types_or_another_tab_is_open(
    page: Page, module_server: ServerProcess
) -> None:
    before = _num_active(module_server)
    page.locator("#label-reason button").first.click()
    page.locator("#label-rationale textarea").press_sequentially("1 x 0 s")
    page.locator("#tab-prompts-button").click()
    page.keyboard.press("1")
    page.keyboard.press("Control+x")
    page.locator("#tab-label-button").click()
    page.locator("#label-rationale textarea").fill("")
    page.locator("#label-rationale textarea").blur()
    _judge(page, module_server, "1", num_before=before)
    assert _num_active(module_server) == before + 1


def test_a_reason_and_the_time_taken_are_stored_with_the_verdict(
    page: Page, module_server: ServerProcess
) -> None:
    page.locator("#label-reason button").first.click()
    page.locator("#label-rationale textarea").fill("Clearer.")
    page.locator("#label-choose-left").click()
    _answered(page)
    query = "SELECT rationale, seconds FROM preferences ORDER BY id DESC LIMIT 1"
    wait_until(lambda: _rows(module_server, query)[0][0] == "Clearer.", what="the reason")
    assert 0 < _rows(module_server, query)[0][1] < 120
    expect(page.locator("#label-rationale textarea")).to_have_value("")


def test_answers_are_markdown_or_letter_for_letter_as_one_likes(page: Page) -> None:
    expect(page.locator("#label-answers strong:visible")).to_have_count(1)
    page.locator("#label-plain").click()
    expect(page.locator("#label-answers code:visible")).to_have_count(2)
    shown = page.locator("#label-left").inner_text() + page.locator("#label-right").inner_text()
    assert "**bold** and\na second line." in shown
    assert "<b>not</b>" in shown
    page.reload()
    page.locator("#tab-label-button").click()
    expect(page.locator("#label-answers code:visible")).to_have_count(2, timeout=SLOW_MS)
    page.locator("#label-plain").click()


def test_a_verdict_on_a_pair_that_is_gone_says_so_and_brings_the_right_one(
    page: Page, module_server: ServerProcess
) -> None:
    # The same person judges the pair in another window.
    screen = module_server.api.call("submit_and_next", "", None, "")
    pair_id = screen["current"]["pair_id"]
    after = module_server.api.call("submit_and_next", "elsewhere", pair_id, "tie")["current"]
    page.keyboard.press("1")
    expect(page.locator("#label-notice")).not_to_be_empty()
    expect(page.locator("#label-prompt")).to_contain_text(after["messages"][-1]["content"])
    query = f"SELECT count(*) FROM preferences WHERE pair_id = {int(pair_id)} AND verdict = 'tie'"  # noqa: S608
    assert _rows(module_server, query)[0][0] == 1


def test_a_verdict_on_what_the_page_still_shows_lands_on_nothing_else(
    page: Page, module_server: ServerProcess
) -> None:
    before = _num_active(module_server)
    pair_id = module_server.api.call("submit_and_next", "", None, "")["current"]["pair_id"]
    with closing(sqlite3.connect(module_server.data_folder / "pairtune.db")) as database:
        database.execute(
            "UPDATE prompts SET messages = replace(messages, 'number', 'number and letter') "
            "WHERE id = (SELECT prompt_id FROM pairs WHERE id = ?)",
            (pair_id,),
        )
        database.commit()
    page.keyboard.press("1")
    expect(page.locator("#label-notice")).to_contain_text(f"not what pair {pair_id} is now")
    expect(page.locator("#label-prompt")).to_contain_text("number and letter")
    assert _num_active(module_server) == before
    _calm(page)
    page.keyboard.press("1")
    wait_until(lambda: _num_active(module_server) == before + 1, what="the verdict on the new text")


def test_screen_readers_hear_where_they_are(page: Page) -> None:
    expect(page.locator("#label-live")).to_contain_text("Answer left. Answer right.")


def test_the_last_pair_leads_on_and_new_pairs_appear_by_themselves(
    page: Page, module_server: ServerProcess
) -> None:
    for number in range(_num_active(module_server), NUM_PAIRS):
        expect(page.locator("#label-live")).to_contain_text(f"Pair {number + 1} of")
        _judge(page, module_server, "2", num_before=number)
    expect(page.locator("#label-empty")).to_contain_text("All 12 pairs are labelled")
    expect(page.locator("#label-empty .goto-train")).to_be_visible()
    row = {"prompt": "One more?", "answer_a": "Yes.", "answer_b": "No."}
    api = module_server.api
    api.call("import_file", api.upload("more.jsonl", jsonl([row])))
    expect(page.locator("#label-prompt")).to_contain_text("One more?", timeout=SLOW_MS)
    page.locator("#tab-prompts-button").click()
    page.locator("#tab-label-button").click()
    expect(page.locator("#label-prompt")).to_contain_text("One more?")
