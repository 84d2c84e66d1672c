"""Events of the page by plain HTTP, as a browser sends them: what a click or a timer costs."""

import json
import uuid
from typing import Any

from tests.http_api import Api


class Screen:
    """An open page of a server, without a browser."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._config = api.http.get("/config").raise_for_status().json()
        self._session = uuid.uuid4().hex
        self._blocks = {block["id"]: block for block in self._config["components"]}

    def send(self, updated: str, event: str) -> Any:
        """Send an event that updates the component of this name; return what the page gets.

        Fields have the values that they have when the page is opened.
        """
        found = next(
            one
            for one in self._config["dependencies"]
            if any(name == event for _, name in one["targets"])
            and any(self._name(block) == updated for block in one["outputs"])
        )
        data = [self._value(block) for block in found["inputs"]]
        asked = {"fn_index": found["id"], "data": data, "session_hash": self._session}
        self._api.http.post("/gradio_api/queue/join", json=asked).raise_for_status()
        where = {"session_hash": self._session}
        with self._api.http.stream("GET", "/gradio_api/queue/data", params=where) as stream:
            for line in stream.iter_lines():
                message = json.loads(line.removeprefix("data:")) if line else {}
                if message.get("msg") == "process_completed":
                    if not message["success"]:
                        raise RuntimeError(f"{updated} failed: {message['output']}")
                    return message["output"]["data"]
        raise RuntimeError(f"{updated} ended without a result")

    def _value(self, block: int) -> Any:
        value = self._blocks[block]["props"].get("value")
        return "" if value is None and self._blocks[block]["type"] == "textbox" else value

    def _name(self, block: int) -> str | None:
        name: str | None = self._blocks[block]["props"].get("elem_id")
        return name
