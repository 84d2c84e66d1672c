"""What is taken from inside Gradio: for the installed version, in one module, and doing its work.

Sessions keep what a caller has, and nothing of the page that can be made again.
"""

import json
import re
from collections.abc import Iterator
from importlib.metadata import version

import gradio as gr
import pytest
from fastapi import FastAPI

from app.web.private_gradio import MAX_SESSIONS, WRITTEN_FOR, keep_sessions_small
from tests.http_api import Api, served
from tests.server_process import PROJECT

MODULE = PROJECT / "app" / "web" / "private_gradio.py"
PAGE_FIELDS = 30


def test_private_parts_are_those_of_the_version_that_is_pinned_and_installed() -> None:
    (pinned,) = re.findall(r"(?m)^gradio==(\S+)$", (PROJECT / "requirements.txt").read_text())
    for found in (pinned, version("gradio")):
        assert found.startswith(f"{WRITTEN_FOR}."), (
            f"written for gradio {WRITTEN_FOR}, and this is {found}: read {MODULE} against it"
        )


def test_no_other_module_reaches_into_gradio() -> None:
    inside = re.compile(r"(?m)^\s*(from|import) gradio\.")
    modules = [path for path in (PROJECT / "app").rglob("*.py") if inside.search(path.read_text())]
    assert modules == [MODULE]


def _count(number: int) -> tuple[int, str]:
    return number + 1, f"called {number + 1} times"


@pytest.fixture
def page() -> gr.Blocks:
    with gr.Blocks() as blocks:
        for _ in range(PAGE_FIELDS):
            gr.Textbox()
        number, said = gr.State(0), gr.Textbox()
        gr.Button().click(_count, number, [number, said], api_name="count")
    return blocks


@pytest.fixture
def api(page: gr.Blocks) -> Iterator[Api]:
    app = FastAPI()
    gr.mount_gradio_app(app, page, path="/")
    keep_sessions_small(app, page)
    with served(app) as url:
        yield Api(url)


def _call(api: Api, **session: str) -> str:
    asked = {"data": [None], **session}
    event = api.http.post("/gradio_api/call/count", json=asked).json()["event_id"]
    answer = api.http.get(f"/gradio_api/call/count/{event}").text
    said: str = json.loads(answer.split("data: ")[1].split("\n")[0])[-1]
    return said


def test_each_session_has_a_state_of_its_own(api: Api) -> None:
    assert [_call(api, session_hash="one") for _ in range(2)] == [
        "called 1 times",
        "called 2 times",
    ]
    assert _call(api, session_hash="two") == "called 1 times"
    assert _call(api) == _call(api) == "called 1 times"


def test_a_session_holds_no_description_of_the_page(api: Api, page: gr.Blocks) -> None:
    _call(api, session_hash="one")
    session = page.state_holder["one"]
    assert len(page.blocks) > PAGE_FIELDS
    assert len(list(session.components)) <= 2  # of what the handler has changed
    assert page.state_holder.capacity == MAX_SESSIONS


def test_the_oldest_sessions_are_forgotten(api: Api, page: gr.Blocks) -> None:
    page.state_holder.capacity = 3
    _call(api, session_hash="first")
    for name in "abc":
        _call(api, session_hash=name)
    assert _call(api, session_hash="c") == "called 2 times"
    assert _call(api, session_hash="first") == "called 1 times"
