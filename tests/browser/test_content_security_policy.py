"""The page works under the content security policy that the guard sends with it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.server_process import ServerProcess
from tests.waiting import wait_until_still

pytestmark = [pytest.mark.browser, pytest.mark.starter, pytest.mark.slow]

TABS = ("prompts", "label", "train", "compare", "statistics", "data")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page that knows nothing yet."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_every_tab_renders_without_a_complaint_or_a_foreign_request(
    page: Page, module_server: ServerProcess
) -> None:
    complaints: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda message: _note(complaints, message.type, message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto(module_server.url)
    for tab in TABS:
        page.locator(f"#tab-{tab}-button").click()
        page.locator(f"#tab-{tab}").wait_for(state="visible")
        wait_until_still(page)
    assert complaints == []
    assert hosts - {""} == {urlsplit(module_server.url).netloc}


def _note(complaints: list[str], kind: str, text: str) -> None:
    if kind == "error":
        complaints.append(text)
