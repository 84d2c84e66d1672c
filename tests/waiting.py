"""Waiting in tests, with a limit and a word on what was waited for."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.http_api import Api

Found = TypeVar("Found")
RUN_TIMEOUT_SECONDS = 420.0


def wait_until(
    look: Callable[[], Found], *, what: str, timeout: float = 60.0, pause: float = 0.2
) -> Found:
    """Look again and again until something true is found, and return it."""
    deadline = time.monotonic() + timeout
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {timeout:.0f} s in vain for {what}"
        time.sleep(pause)
    return found


def wait_until_still(page: "Page") -> None:
    """Wait until the page does not change any more: two pictures of it are the same."""
    pictures = [b""]

    def is_still() -> bool:
        pictures.append(page.screenshot())
        return pictures[-1] == pictures[-2]

    wait_until(is_still, what="a page that does not change")


def wait_for_end(
    api: "Api", run_id: int, *, timeout: float = RUN_TIMEOUT_SECONDS
) -> dict[str, Any]:
    """The run as `/run_status` gives it once it has ended."""

    def ended() -> dict[str, Any] | None:
        status = api.call("run_status", run_id)
        return None if status["row"]["status"] in ("queued", "running") else status

    return wait_until(ended, what=f"the end of run {run_id}", timeout=timeout, pause=1.0)
