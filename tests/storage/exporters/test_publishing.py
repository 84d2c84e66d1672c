"""Pushing to a hub: what is refused before anything is sent, and what a hub's answers become."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from storage.errors import InputError
from storage.exporters import check_target, push_folder
from tests.http_api import free_port
from tests.server_process import PROJECT

PUSH = """
import sys
from pathlib import Path
from storage.errors import InputError
from storage.exporters import push_folder
try:
    push_folder(Path(sys.argv[1]), "me/pairs", private=True)
except InputError as error:
    print(error)
"""


class _Refusing(BaseHTTPRequestHandler):
    """A hub that answers everything with the status in the token."""

    asked: list[tuple[str, str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        token = self.headers["authorization"].removeprefix("Bearer ")
        self.asked.append((self.path, token))
        self.send_response(int(token))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _pushed(hub: str, token: str, folder: Path) -> str:
    """What a push in a process of its own says: the hub's address is read at its start."""
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_TOKEN": token, "HF_HUB_OFFLINE": "0"}
    ended = subprocess.run(
        [sys.executable, "-c", PUSH, str(folder)],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_refusal_of_the_hub_is_told_in_words(hub: str, tmp_path: Path) -> None:
    _Refusing.asked.clear()
    assert "refuses to write me/pairs with this HF_TOKEN" in _pushed(hub, "403", tmp_path)
    assert _Refusing.asked[0] == ("/api/repos/create", "403")
    assert "answers with an error (418)" in _pushed(hub, "418", tmp_path)


def test_hub_out_of_reach_is_told_in_words(tmp_path: Path) -> None:
    assert "cannot be reached" in _pushed(f"http://127.0.0.1:{free_port()}", "x", tmp_path)


@pytest.mark.parametrize(
    "name", ["", "pairs", "me/", "me/my pairs", "me/a--b", "me/a..b", "a/b/c", "../x", "me/x.git"]
)
def test_name_that_no_dataset_can_have_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="no name of a dataset"):
        check_target(name)


def test_missing_token_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(InputError, match="HF_TOKEN"):
        push_folder(tmp_path, "me/pairs", private=True)
