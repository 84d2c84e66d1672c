"""The command line, as a person meets it: real processes, their output and exit codes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app import main
from tests.http_api import free_port
from tests.server_process import PROJECT, ServerProcess


def _run(*flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PAIRTUNE_")
    }
    return subprocess.run(
        [sys.executable, "app.py", *flags],
        cwd=PROJECT,
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )


def _assert_one_sentence(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    assert ended.returncode == 2, ended
    assert ended.stderr.startswith("PairTune cannot start: ")
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "Traceback" not in ended.stdout + ended.stderr
    for word in words:
        assert word in ended.stderr


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_port_in_use_is_said_before_anything_is_written(taken_port: int, tmp_path: Path) -> None:
    ended = _run("--port", str(taken_port), "--data", str(tmp_path / "data"))
    _assert_one_sentence(ended, str(taken_port), "another port")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", ["abc", "0", "70000", "-1"])
def test_impossible_port_is_refused(port: str, tmp_path: Path) -> None:
    _assert_one_sentence(_run(f"--port={port}", "--data", str(tmp_path)), port)


def test_flag_wins_over_its_variable_and_the_message_names_what_was_given(tmp_path: Path) -> None:
    by_flag = _run("--port", "abc", PAIRTUNE_PORT="7860", PAIRTUNE_DATA=str(tmp_path))
    by_variable = _run(PAIRTUNE_PORT="xyz", PAIRTUNE_DATA=str(tmp_path))
    _assert_one_sentence(by_flag, "--port", "abc")
    _assert_one_sentence(by_variable, "PAIRTUNE_PORT", "xyz")


def test_all_contradictions_of_the_settings_are_said_at_once(tmp_path: Path) -> None:
    ended = _run("--port", "70000", "--device", "abacus", "--data", str(tmp_path))
    _assert_one_sentence(ended, "70000", "abacus")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])  # noqa: S104
def test_other_machines_are_not_served_while_there_are_no_logins(host: str) -> None:
    _assert_one_sentence(_run("--host", host), host, "no logins", "ssh -L")


@pytest.mark.parametrize("place", ["file/data", "/proc/pairtune"])
def test_data_folder_that_cannot_be_made_is_said(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = str(tmp_path / place)
    _assert_one_sentence(_run("--data", folder, "--port", str(free_port())), folder, "--data")


def test_unknown_model_is_said_before_the_database_is_made(tmp_path: Path) -> None:
    data = tmp_path / "data"
    flags = ("--port", str(free_port()), "--data", str(data), "--model", "./no-such-model")
    _assert_one_sentence(_run(*flags), "./no-such-model")
    assert not data.exists()


def test_unknown_flag_ends_with_the_usage() -> None:
    ended = _run("--colour=red")
    assert ended.returncode == 2
    assert "unrecognized arguments: --colour=red" in ended.stderr


@pytest.mark.slow
def test_doctor_tells_what_it_found_and_writes_nothing(tmp_path: Path) -> None:
    ended = _run("doctor", "--data", str(tmp_path / "data"))
    assert ended.returncode == 0, ended.stderr
    findings = dict(line.split(maxsplit=1) for line in ended.stdout.splitlines())
    assert findings["torch"].startswith("2.13.0")
    assert findings["4-bit"] == "works"
    assert "GiB" in ended.stdout.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.starter
@pytest.mark.slow
def test_server_tells_its_address_and_ends_cleanly_on_a_signal(server: ServerProcess) -> None:
    assert f"PairTune serves on {server.url}" in server.log
    for by in (signal.SIGINT, signal.SIGTERM):
        began = time.monotonic()
        status = server.stop(by=by)
        assert time.monotonic() - began < 15
        assert status in {0, -by}
        assert "Traceback" not in server.log
        server.start()


@pytest.mark.starter
@pytest.mark.slow
def test_second_server_on_the_port_is_refused_and_the_first_goes_on(server: ServerProcess) -> None:
    ended = _run("--port", str(server.port), "--data", str(server.data_folder))
    _assert_one_sentence(ended, str(server.port))
    assert httpx.get(server.url).status_code == 200


@pytest.mark.starter
@pytest.mark.slow
def test_running_server_is_guarded_and_has_no_torch_in_its_memory(server: ServerProcess) -> None:
    page = httpx.get(server.url)
    assert "default-src 'self'" in page.headers["content-security-policy"]
    foreign = {"origin": "https://evil.example"}
    endpoint = f"{server.url}/gradio_api/call/statistics"
    assert httpx.post(endpoint, json={"data": []}, headers=foreign).status_code == 403
    assert httpx.get(server.url, headers={"host": "evil.example"}).status_code == 403
    assert httpx.post(endpoint, content=b" " * 6 * 1024**2).status_code == 413
    assert "libtorch" not in Path(f"/proc/{server.pid}/maps").read_text()


@pytest.mark.starter
@pytest.mark.slow
def test_data_folder_is_never_served(server: ServerProcess) -> None:
    database = server.data_folder / "pairtune.db"
    assert database.stat().st_mode & 0o777 == 0o600
    for path in (f"/gradio_api/file={database}", f"/gradio_api/file=../{database}"):
        assert httpx.get(server.url + path).status_code in {403, 404}


def test_answers_are_sent_at_once_and_do_not_wait_for_acknowledgements() -> None:
    # asyncio turns Nagle's algorithm off only on sockets that say they are TCP.
    with main.listen("127.0.0.1", free_port()) as listening:
        assert listening.proto == socket.IPPROTO_TCP
