"""The guard before the application, and the role check before every handler."""

import socket
from collections.abc import Iterator
from typing import Any

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from app.services.context import User
from app.web.errors import show_errors
from app.web.security import MAX_BODY_BYTES, Guard, current_user, require
from storage.enums import Role
from storage.errors import InputError
from tests.http_api import Api, ApiError, served

ADMIN = User(id=1, name="local", role=Role.ADMIN)
ANNOTATOR = User(id=2, name="ann", role=Role.ANNOTATOR)


async def _count_body(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def _stream(_: Request) -> StreamingResponse:
    async def steps() -> Any:
        for step in range(3):
            yield f"data: {step}\n\n"

    return StreamingResponse(steps(), media_type="text/event-stream")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A guarded application that counts bodies and streams."""
    app = Starlette(
        routes=[
            Route("/count", _count_body, methods=["GET", "POST"]),
            Route("/gradio_api/upload", _count_body, methods=["POST"]),
            Route("/stream", _stream),
        ]
    )
    with served(Guard(app, user=ADMIN)) as address:
        yield address


def _host(url: str) -> str:
    return url.removeprefix("http://")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_loopback_names_are_served_on_any_port_as_a_tunnel_may_change_it(
    url: str, name: str
) -> None:
    for host in (name, f"{name}:7860", f"{name}:9999"):
        assert httpx.get(f"{url}/count", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:7860", "[::1", ""]
)
def test_rebound_host_name_is_refused(url: str, host: str) -> None:
    assert httpx.get(f"{url}/count", headers={"host": host}).status_code == 403


def test_own_origin_and_no_origin_may_post(url: str) -> None:
    own = httpx.post(f"{url}/count", headers={"origin": url}, content=b"abc")
    script = httpx.post(f"{url}/count", content=b"abc")
    assert (own.status_code, own.text, script.text) == (200, "3", "3")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1", "file://", "[::1"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_foreign_origin_is_refused_for_every_method(url: str, origin: str, method: str) -> None:
    answer = httpx.request(method, f"{url}/count", headers={"origin": origin})
    assert answer.status_code == 403


def test_cross_site_post_without_an_origin_is_refused(url: str) -> None:
    answer = httpx.post(f"{url}/count", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


def test_body_at_the_limit_passes_and_one_byte_more_is_413(url: str) -> None:
    fits = httpx.post(f"{url}/count", content=b"x" * MAX_BODY_BYTES)
    assert fits.text == str(MAX_BODY_BYTES)
    assert httpx.post(f"{url}/count", content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413


def test_chunked_body_without_a_length_is_counted_while_it_streams(url: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(6):
            yield b"x" * 1024**2

    assert httpx.post(f"{url}/count", content=chunks()).status_code == 413


def test_upload_may_be_larger_than_other_bodies(url: str) -> None:
    answer = httpx.post(f"{url}/gradio_api/upload", content=b"x" * (MAX_BODY_BYTES + 1))
    assert answer.text == str(MAX_BODY_BYTES + 1)


def test_upload_announced_over_its_limit_is_413_before_a_byte_is_sent(url: str) -> None:
    name, port = _host(url).split(":")
    with socket.create_connection((name, int(port)), timeout=10) as connection:
        connection.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: 600000000\r\n\r\n"
        )
        assert b" 413 " in connection.recv(200)


def test_streams_pass_and_every_answer_carries_the_security_headers(url: str) -> None:
    answer = httpx.get(f"{url}/stream")
    assert answer.text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"
    refused = httpx.get(f"{url}/count", headers={"host": "evil.example"})
    for headers in (answer.headers, refused.headers):
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


@show_errors
@require("annotator")
def label(text: str, request: gr.Request) -> str:
    """Something that every annotator may do."""
    return f"{current_user(request).name} labels {text}"


@show_errors
@require("admin")
def train(text: str, request: gr.Request) -> Iterator[str]:
    """Something that an admin alone may do, in steps."""
    yield f"{current_user(request).name} starts"
    yield f"trained {text}"


def _gradio_app(user: User) -> Guard:
    with gr.Blocks() as demo:
        box = gr.Textbox()
        box.submit(label, box, box, api_name="label")
        box.change(train, box, box, api_name="train")
    app = FastAPI()
    gr.mount_gradio_app(app, demo, path="/", show_error=False)
    return Guard(app, user=user)


def test_admin_may_do_what_annotators_may() -> None:
    with served(_gradio_app(ADMIN)) as address:
        api = Api(address)
        assert api.call("label", "x") == "local labels x"
        assert api.call("train", "x") == "trained x"


def test_annotator_is_denied_what_needs_an_admin() -> None:
    with served(_gradio_app(ANNOTATOR)) as address:
        api = Api(address)
        assert api.call("label", "x") == "ann labels x"
        with pytest.raises(ApiError, match="Only the role admin may do this"):
            api.call("train", "x")


def test_user_name_in_the_body_is_ignored() -> None:
    with served(_gradio_app(ANNOTATOR)) as address:
        body = {"data": ["x"], "username": "local", "user": "local"}
        answer = httpx.post(f"{address}/gradio_api/run/label", json=body)
        assert answer.json()["data"] == ["ann labels x"]


def test_handler_carries_the_role_it_needs() -> None:
    assert label.required_role is Role.ANNOTATOR
    assert train.required_role is Role.ADMIN


def test_request_that_did_not_pass_the_guard_has_no_user() -> None:
    with pytest.raises(InputError, match="Nobody is logged in"):
        current_user(gr.Request())
    with pytest.raises(gr.Error, match="Only the role annotator"):
        label("x", None)
