"""Sending to a hub: a missing token, a refusal and a dead line are each one clear sentence."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.server_process import PROJECT
from trainer.errors import TrainerError
from trainer.exporting import hub
from trainer.options.export import ExportOptions

TOKEN = "hf_" + "x" * 34
_SEND = """
import sys
from pathlib import Path
from trainer.errors import TrainerError
from trainer.exporting import hub
try:
    print(hub.send(Path(sys.argv[1]), "me/model", private=True))
except TrainerError as error:
    print(error)
"""


class _Refusing(BaseHTTPRequestHandler):
    """A hub that knows nobody's token."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Keep the tests' output quiet."""


@pytest.fixture
def refusing_hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _said(endpoint: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _SEND, str(folder)],
        cwd=PROJECT,
        env={**os.environ, "HF_TOKEN": TOKEN, "HF_ENDPOINT": endpoint},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert TOKEN not in done.stdout + done.stderr
    return done.stdout


def test_refusal_names_the_repository_and_the_status(refusing_hub: str, tmp_path: Path) -> None:
    assert _said(refusing_hub, tmp_path).startswith("The hub refused me/model (HTTP 403).")


def test_hub_out_of_reach_is_one_sentence(tmp_path: Path) -> None:
    assert _said("http://127.0.0.1:9", tmp_path).startswith("The hub could not be reached")


def test_without_a_token_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(TrainerError, match="No token for the hub is set"):
        hub.check_token()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "onnx"}, "There is no export 'onnx'"),
        ({"target": "gguf", "weights": "q4_0"}, "cannot be 'q4_0'; choose float16"),
        ({"target": "merged", "repository": "../up"}, "is no hub repository"),
        ({"target": "adapter"}, "Name the repository"),
        ({"format": 1}, "no option format"),
    ],
)
def test_bad_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(TrainerError, match=message):
        ExportOptions.from_dict(options)
