"""The named endpoints by plain HTTP, and servers for tests: what a script of a user would do."""

import contextlib
import json
import socket
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import uvicorn

from tests.waiting import wait_until

TIMEOUT_SECONDS = 300.0


class ApiError(Exception):
    """An endpoint answered with an error; `payload` is what came with it."""

    def __init__(self, payload: Any) -> None:
        self.payload = payload
        super().__init__(payload.get("error") if isinstance(payload, dict) else str(payload))


class Api:
    """A caller of one server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS)

    def events(self, name: str, *data: Any) -> Iterator[tuple[str, Any]]:
        """Call the endpoint and give its server-sent events as (event, data), to the last one."""
        answer = self.http.post(f"/gradio_api/call/{name}", json={"data": list(data)})
        answer.raise_for_status()
        event_id = answer.json()["event_id"]
        with self.http.stream("GET", f"/gradio_api/call/{name}/{event_id}") as stream:
            event = ""
            for line in stream.iter_lines():
                if line.startswith("event:"):
                    event = line.removeprefix("event:").strip()
                elif line.startswith("data:"):
                    yield event, json.loads(line.removeprefix("data:"))

    def call(self, name: str, *data: Any) -> Any:
        """The endpoint's result: one value as it is, several as a list. Raises ApiError."""
        for event, value in self.events(name, *data):
            if event == "error":
                raise ApiError(value)
            if event == "complete":
                return value[0] if isinstance(value, list) and len(value) == 1 else value
        raise ApiError(f"{name} ended without a result")

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """Upload a file; the result is what an endpoint takes as its file argument."""
        answer = self.http.post("/gradio_api/upload", files={"files": (name, content)})
        answer.raise_for_status()
        return {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}


class PageSession:
    """What a browser's page does on one server: triggers events of the page's own components."""

    def __init__(self, api: Api) -> None:
        self._http = api.http
        self._session = {"session_hash": uuid.uuid4().hex}
        config = self._http.get("/config").json()
        self._components = {part["id"]: part for part in config["components"]}
        self._events = config["dependencies"]

    def trigger(
        self, elem_id: str, event: str, fields: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """All that came over the wire, and the last values of the components that it changes.

        A component goes by its elem_id, or else by its label. A field that is not given has the
        value that it begins with. Raises ApiError.
        """
        (target,) = (number for number in self._components if self._name(number) == elem_id)
        (called,) = (one for one in self._events if [target, event] in one["targets"])
        data = [fields.get(self._name(number), self._value(number)) for number in called["inputs"]]
        asked = {"data": data, "fn_index": called["id"], "trigger_id": target, **self._session}
        self._http.post("/gradio_api/queue/join", json=asked).raise_for_status()
        received = self._http.get("/gradio_api/queue/data", params=self._session).text
        lines = [line.removeprefix("data:") for line in received.split("\n") if line]
        (ended,) = (
            message for message in map(json.loads, lines) if message["msg"] == "process_completed"
        )
        if not ended["success"]:
            raise ApiError(ended["output"])
        values = zip(map(self._name, called["outputs"]), ended["output"]["data"], strict=True)
        return received, dict(values)

    def _name(self, number: int) -> str:
        shown = self._components[number]["props"]
        return shown.get("elem_id") or shown.get("label") or ""

    def _value(self, number: int) -> Any:
        return self._components[number]["props"].get("value")


def compare_until_different(api: Api, prompt: str, adapter_id: int) -> dict[str, Any]:
    """A comparison that can be voted on: after little training, answers are sometimes the same."""
    for seed in range(8):
        options = {"max_new_tokens": 32, "seed": seed}
        found: dict[str, Any] = api.call("compare", prompt, adapter_id, options)
        if found["pair_id"] is not None:
            return found
    raise AssertionError(f"base and tuned answer {prompt!r} alike, eight times")


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an ASGI application from a thread of this process; gives its URL."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_level="error", ws="none", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, what="the server", pause=0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)
