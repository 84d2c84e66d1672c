"""Labelling over a line that takes three seconds for each request, and loses some of them.

No verdict is lost or stored twice, the screen says what is going on, and it goes on afterwards.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.sample_files import jsonl
from tests.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.starter, pytest.mark.slow]

DELAY_SECONDS = 3.0
LATE_SECONDS = 14.0  # the page sends again after ten
LIMIT_SECONDS = 180.0
TURN_MS = 100.0
SLOW_MS = 30_000.0  # the rest of the suite may have left the machine busy
NUM_PAIRS = 12
# Verdict and side, as the database has them, of what each key stands for.
KEYS = {"1": "left", "2": "right", "0": "tie", "x": "both_bad"}


class SlowLine:
    """Holds each request of the Label screen back, then lets it through or loses it.

    `fates` says what happens to the next ones: "lost" on the way to the server, "unanswered" when
    the server has it but the page never hears so, "cut off" when the stream of answers breaks,
    "late" when it comes after the page has sent it again.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._held: list[tuple[float, Route, str]] = []
        self._cuts_stream = False
        self.fates: list[str] = []
        page.route("**/queue/join*", self._hold)
        page.route("**/queue/data*", self._stream)

    def _hold(self, route: Route) -> None:
        if '\\"serial\\"' not in (route.request.post_data or ""):
            route.continue_()
            return
        fate = self.fates.pop(0) if self.fates else "through"
        delay = LATE_SECONDS if fate == "late" else DELAY_SECONDS
        self._held.append((time.monotonic() + delay, route, fate))

    def _stream(self, route: Route) -> None:
        if self._cuts_stream:
            self._cuts_stream = False
            route.abort("connectionreset")
        else:
            route.continue_()

    def _carry(self, route: Route, fate: str) -> None:
        self._cuts_stream = self._cuts_stream or fate == "cut off"
        if fate == "unanswered":
            route.fetch()
        if fate in ("lost", "unanswered"):
            route.abort("connectionreset")
        else:
            route.continue_()

    def until(self, expectation: Callable[[float], None]) -> None:
        """Carry requests, each at its time, until the page is as expected.

        The expectation takes its timeout in milliseconds. Nothing is carried while the test waits
        for anything else.
        """
        deadline = time.monotonic() + LIMIT_SECONDS
        while True:
            try:
                expectation(TURN_MS)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                self._carry_due()
            else:
                return

    def carry_all(self) -> None:
        """Carry what is held back, each at its time, to the last one."""
        while self._held:
            self._page.wait_for_timeout(TURN_MS)
            self._carry_due()

    def _carry_due(self) -> None:
        due = [held for held in self._held if held[0] <= time.monotonic()]
        self._held = [held for held in self._held if held not in due]
        for _, route, fate in due:
            self._carry(route, fate)


@pytest.fixture(scope="module", autouse=True)
def pairs(module_server: ServerProcess) -> None:
    rows = [
        {"prompt": f"Question {n}?", "answer_a": f"first {n}", "answer_b": f"second {n}"}
        for n in range(1, NUM_PAIRS + 1)
    ]
    api = module_server.api
    api.call("import_file", api.upload("open.jsonl", jsonl(rows)))


@pytest.fixture
def page(browser: Browser, module_server: ServerProcess) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(module_server.url)
    page.locator("#tab-label-button").click()
    expect(page.locator("#label-live")).to_contain_text("Pair", timeout=SLOW_MS)
    yield page
    context.close()


def _verdicts(server: ServerProcess) -> list[str]:
    """All verdicts ever stored, in the order of their pairs, as they were seen."""
    with closing(sqlite3.connect(server.data_folder / "pairtune.db")) as database:
        rows = database.execute('SELECT verdict, "left" FROM preferences ORDER BY pair_id, id')
        return [
            verdict if verdict not in ("a", "b") else "left" if verdict == left else "right"
            for verdict, left in rows.fetchall()
        ]


def _shows(page: Page, number: int) -> Callable[[float], None]:
    """The pair of this number is the one to judge."""
    live = page.locator("#label-live")
    return lambda timeout: expect(live).to_contain_text(f"Pair {number} of", timeout=timeout)


def test_verdicts_that_come_faster_than_the_line_are_all_stored_and_the_screen_says_so(
    page: Page, module_server: ServerProcess
) -> None:
    before = _verdicts(module_server)
    line = SlowLine(page)
    connection = page.locator("#label-connection")
    page.keyboard.press("1")
    # The next pair is there, and can be judged while the first verdict is still on its way.
    expect(page.locator("#label-prompt")).to_contain_text(f"Question {len(before) + 2}?")
    expect(connection).to_contain_text("Your last verdict is being sent")
    page.keyboard.press("0")
    expect(page.locator("#label-tie[data-previous]")).to_be_visible()
    expect(connection).to_contain_text("Your last 2 verdicts are being sent")
    line.until(_shows(page, len(before) + 3))
    expect(connection).to_be_hidden()
    assert _verdicts(module_server) == [*before, "left", "tie"]


def test_no_verdict_is_lost_or_stored_twice_when_requests_and_answers_are_lost(
    page: Page, module_server: ServerProcess
) -> None:
    before = _verdicts(module_server)
    line = SlowLine(page)
    line.fates = ["lost", "through", "unanswered", "through", "cut off", "through", "late"]
    pressed = ["2", "x", "1", "0", "1"]
    for number, key in enumerate(pressed, start=len(before) + 1):
        line.until(_shows(page, number))
        page.keyboard.press(key)
    line.until(_shows(page, len(before) + len(pressed) + 1))
    line.carry_all()
    page.unroute_all()
    expect(page.locator("#label-connection")).to_be_hidden()
    page.keyboard.press("0")
    _shows(page, len(before) + len(pressed) + 2)(SLOW_MS)
    assert line.fates == []
    assert _verdicts(module_server) == [*before, *(KEYS[key] for key in pressed), "tie"]


def test_the_tab_stays_open_when_the_page_is_loaded_again(page: Page) -> None:
    page.reload()
    expect(page.locator("#label-choose-left")).to_be_visible(timeout=SLOW_MS)
