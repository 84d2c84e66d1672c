"""Sending to a hub: what is refused before anything is sent, and what a hub's answers become."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.http_api import free_port
from tests.hub_server import WRITER, Hub, files_of
from tests.server_process import PROJECT
from trainer.errors import TrainerError
from trainer.exporting.hub import check_target
from trainer.options.export import ExportOptions

SEND = """
import sys
from pathlib import Path
from trainer.errors import TrainerError
from trainer.exporting import hub
try:
    print(hub.upload(Path(sys.argv[1]), "me/pairs", sys.argv[2], private=True, message="From here"))
except TrainerError as error:
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
def refusing_hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _said(
    url: str, token: str, folder: Path, repo_type: str = "model", *, with_xet: bool = True
) -> str:
    """What sending in a process of its own says: the hub's address is read at its start."""
    environment = {**os.environ, "HF_ENDPOINT": url, "HF_TOKEN": token, "HF_HUB_OFFLINE": "0"}
    environment["HF_HUB_DISABLE_XET"] = str(int(not with_xet))
    ended = subprocess.run(
        [sys.executable, "-c", SEND, str(folder), repo_type],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert len(token) < 10 or token not in ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.parametrize("repo_type", ["model", "dataset"])
def test_refusal_names_the_repository_and_the_status(
    refusing_hub: str, tmp_path: Path, repo_type: str
) -> None:
    _Refusing.asked.clear()
    said = _said(refusing_hub, "403", tmp_path, repo_type)
    assert said.startswith("The hub refused me/pairs (HTTP 403). Use a token (HF_TOKEN)")
    assert _Refusing.asked[0] == ("/api/repos/create", "403")
    said = _said(refusing_hub, "418", tmp_path, repo_type)
    assert said.startswith("The hub refused me/pairs (HTTP 418). Try again later.")


def test_hub_out_of_reach_is_told_in_words(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    said = _said(url, "hf_" + "x" * 34, tmp_path)
    assert said.startswith(f"The hub at {url} could not be reached")


@pytest.mark.parametrize("sends_lfs", [True, False], ids=["lfs", "regular"])
def test_dataset_arrives_byte_for_byte(hub: Hub, tmp_path: Path, sends_lfs: bool) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.parquet").write_bytes(os.urandom(100_000))
    (tmp_path / "README.md").write_text("---\ntags:\n- dpo\n---\n# Préférences\n", "utf-8")
    hub.sends_lfs = sends_lfs
    said = _said(hub.url, WRITER, tmp_path, "dataset", with_xet=not sends_lfs)
    repo = hub.repos["datasets", "me/pairs"]
    assert said == f"{hub.url}/datasets/me/pairs\n"
    assert repo.files == files_of(tmp_path)
    assert repo.is_private
    assert repo.lfs_files == ({"data/train.parquet"} if sends_lfs else set())
    assert repo.commits == ["From here"]


def test_file_that_breaks_off_on_its_way_is_told_in_words(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(os.urandom(1000))
    hub.takes_objects = False
    said = _said(hub.url, WRITER, tmp_path, "dataset", with_xet=False)
    assert "so me/pairs was not written" in said
    assert hub.repos["datasets", "me/pairs"].files == {}


def test_without_a_token_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(TrainerError, match="No token for the hub is set"):
        check_target("me/model")


@pytest.mark.parametrize(
    "name", ["", "pairs", "me/", "me/my pairs", "me/a--b", "me/a..b", "a/b/c", "../x", "me/x.git"]
)
def test_name_that_no_repository_can_have_is_refused(name: str) -> None:
    with pytest.raises(TrainerError, match="is no name of a hub repository"):
        check_target(name)
    [problem] = ExportOptions(repository=name).problems()
    assert problem.startswith(f"{name!r} is no name of a hub repository")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "onnx"}, "target is 'onnx'; choose one of adapter, merged, gguf"),
        ({"target": "gguf", "weights": "q4_0"}, "cannot be 'q4_0'; choose float16"),
        ({"target": "merged", "repository": 7}, "must be a word or null"),
        ({"target": "adapter"}, "Name the repository"),
        ({"private": "no"}, "private is 'no', but it must be true or false"),
        ({"format": 1}, "no option format"),
    ],
)
def test_bad_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(TrainerError, match=message):
        ExportOptions.from_dict(options).checked()
