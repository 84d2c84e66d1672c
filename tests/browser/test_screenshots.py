"""Pictures of every tab, light and dark, on a desk and on a phone, into the folder screenshots/.

They are for looking at; what is asserted is that nothing is wider than its window and that no
error is on the page.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.http_api import Api, compare_until_different
from tests.sample_files import hh_rlhf, labelled_pairs
from tests.server_process import PROJECT, ServerProcess
from tests.waiting import wait_for_end, wait_until_still

pytestmark = [pytest.mark.browser, pytest.mark.starter, pytest.mark.slow]

TABS = ("prompts", "label", "train", "compare", "statistics", "data")
WINDOWS = {"desktop": (1440, 900), "laptop": (1024, 768), "phone": (390, 844)}
FOLDER = PROJECT / "screenshots"


@pytest.fixture(scope="module")
def worked_in(module_server: ServerProcess) -> ServerProcess:
    """A project in the middle of its work: pairs to label, a finished run, a vote."""
    api = module_server.api
    api.call("import_file", api.upload("numbers.jsonl", labelled_pairs(24)))
    # Short questions: their answers are not cut off, so none is made three times.
    api.call("import_file", api.upload("questions.jsonl", hh_rlhf()), True)
    generation = api.call("generate_pairs", 8, "starter", {"max_new_tokens": 192})["run_id"]
    options = {"training": {"num_train_epochs": 2, "eval_steps": 3}}
    (training,) = api.call("start_run", "dpo", options)["run_ids"]
    assert wait_for_end(api, generation)["row"]["status"] == "finished"
    trained = wait_for_end(api, training)
    assert trained["row"]["status"] == "finished", trained
    _vote(api, trained["adapter_id"])
    return module_server


def _vote(api: Api, adapter_id: int) -> None:
    answer = compare_until_different(api, "Name two colours.", adapter_id)
    api.call("vote", "a-vote-for-the-picture", answer["pair_id"], "right")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("window", WINDOWS)
def test_every_tab_fits_its_window(
    browser: Browser, worked_in: ServerProcess, window: str, scheme: str
) -> None:
    FOLDER.mkdir(exist_ok=True)
    for page in _opened(browser, worked_in.url, WINDOWS[window], scheme):
        for tab in TABS:
            page.locator(f"#tab-{tab}-button").click()
            page.locator(f"#tab-{tab}").wait_for(state="visible")
            wait_until_still(page)  # the tab's own content follows its opening
            page.screenshot(path=FOLDER / f"{tab}-{window}-{scheme}.png")
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= WINDOWS[window][0], f"{tab} is {width} px wide"
            assert page.locator(".toast-body.error").count() == 0, tab


def _opened(browser: Browser, url: str, size: tuple[int, int], scheme: str) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(url)
    yield page
    context.close()


def test_the_pictures_are_kept_out_of_the_repository() -> None:
    assert "/screenshots/" in (Path(PROJECT) / ".gitignore").read_text(encoding="utf-8").split()
