"""What a handler's error becomes: on the page and for callers over HTTP."""

import logging
from collections.abc import Iterator

import gradio as gr
import pytest
from fastapi import FastAPI

from app.web.errors import show_errors
from storage.errors import InputError, StaleError
from tests.http_api import Api, ApiError, served
from trainer.errors import TrainerError


@show_errors
def fail(kind: str) -> str:
    """Raise what is asked for."""
    errors = {
        "input": InputError("Pair 7 is closed. Take the next one."),
        "stale": StaleError("Pair 8 is no longer yours."),
        "trainer": TrainerError("The model <b>x</b> & co is missing."),
        "bug": ZeroDivisionError("secret detail /home/x"),
        "gradio": gr.Error("as it is", print_exception=False),
    }
    if kind in errors:
        raise errors[kind]
    return f"fine: {kind}"


@show_errors
def fail_at_the_second_step(kind: str) -> Iterator[str]:
    """Give one step, then raise."""
    yield "first"
    raise InputError(f"no second step for {kind}")


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """A small Gradio app with the settings that PairTune serves with."""
    with gr.Blocks() as demo:
        box = gr.Textbox()
        box.submit(fail, box, box, api_name="fail")
        box.change(fail_at_the_second_step, box, box, api_name="fail_later")
    app = FastAPI()
    gr.mount_gradio_app(app, demo, path="/", show_error=False)
    with served(app) as url:
        yield Api(url)


def test_handler_without_an_error_is_left_alone(api: Api) -> None:
    assert api.call("fail", "nothing") == "fine: nothing"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("input", "Pair 7 is closed. Take the next one."),
        ("stale", "Pair 8 is no longer yours."),
        ("gradio", "as it is"),
    ],
)
def test_known_error_reaches_the_caller_as_it_is(api: Api, kind: str, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        api.call("fail", kind)
    assert caught.value.payload["error"] == message
    assert caught.value.payload["visible"] is True


def test_known_error_stays_on_the_page_until_closed(api: Api) -> None:
    with pytest.raises(ApiError) as caught:
        api.call("fail", "input")
    assert caught.value.payload["duration"] is None


def test_markup_in_a_message_is_escaped_because_the_page_shows_html(api: Api) -> None:
    with pytest.raises(ApiError, match="The model &lt;b&gt;x&lt;/b&gt; &amp; co is missing."):
        api.call("fail", "trainer")


def test_generator_gives_its_steps_and_then_the_message(api: Api) -> None:
    events = list(api.events("fail_later", "x"))
    assert [event for event, _ in events] == ["generating", "error"]
    assert events[1][1]["error"] == "no second step for x"


def test_unknown_error_is_logged_under_the_number_that_the_page_shows(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(ApiError) as caught:
        api.call("fail", "bug")
    message = caught.value.payload["error"]
    assert "secret" not in message
    number = message.rsplit(" ", maxsplit=1)[-1].rstrip(".")
    assert f"Error {number} in fail" in caplog.text
    assert "ZeroDivisionError: secret detail" in caplog.text
