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
from tests.hub_server import files_of, serving
from tests.server_process import PROJECT

PUSH = """
import sys
from pathlib import Path
from storage.errors import InputError
from storage.exporters import push_folder
try:
    print(push_folder(Path(sys.argv[1]), "me/pairs", private=True))
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


def _pushed(hub: str, token: str, folder: Path, *, with_xet: bool = True) -> str:
    """What a push in a process of its own says: the hub's address is read at its start."""
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_TOKEN": token, "HF_HUB_OFFLINE": "0"}
    environment["HF_HUB_DISABLE_XET"] = str(int(not with_xet))
    ended = subprocess.run(
        [sys.executable, "-c", PUSH, str(folder)],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert len(token) < 10 or token not in ended.stdout + ended.stderr
    return ended.stdout


def test_refusal_of_the_hub_is_told_in_words(hub: str, tmp_path: Path) -> None:
    _Refusing.asked.clear()
    assert "refuses to write me/pairs with this HF_TOKEN" in _pushed(hub, "403", tmp_path)
    assert _Refusing.asked[0] == ("/api/repos/create", "403")
    assert "answers with an error (418)" in _pushed(hub, "418", tmp_path)


def test_hub_out_of_reach_is_told_in_words(tmp_path: Path) -> None:
    assert "cannot be reached" in _pushed(f"http://127.0.0.1:{free_port()}", "x", tmp_path)


@pytest.mark.parametrize("sends_lfs", [True, False], ids=["lfs", "regular"])
def test_folder_arrives_byte_for_byte(tmp_path: Path, sends_lfs: bool) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.parquet").write_bytes(os.urandom(100_000))
    (tmp_path / "README.md").write_text("---\ntags:\n- dpo\n---\n# Préférences\n", "utf-8")
    token = "hf_" + "w" * 34
    with serving() as hub:
        hub.writers.add(token)
        hub.sends_lfs = sends_lfs
        said = _pushed(hub.url, token, tmp_path, with_xet=not sends_lfs)
        repo = hub.repos["datasets", "me/pairs"]
    assert said == f"{hub.url}/datasets/me/pairs\n"
    assert repo.files == files_of(tmp_path)
    assert repo.is_private
    assert repo.lfs_files == ({"data/train.parquet"} if sends_lfs else set())
    assert repo.commits == ["Preferences exported by PairTune"]


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
