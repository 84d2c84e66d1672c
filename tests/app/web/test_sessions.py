"""Sessions keep what a caller has, and nothing of the page that can be made again."""

import json
from collections.abc import Iterator

import gradio as gr
import pytest
from fastapi import FastAPI

from app.web.sessions import MAX_SESSIONS, keep_sessions_small
from tests.http_api import Api, served

PAGE_FIELDS = 30


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
