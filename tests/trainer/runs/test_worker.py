"""Workers as real processes: how they end, and what they leave."""

import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.conftest import MakeRun
from tests.waiting import wait_until
from tests.worker_process import kill_worker
from trainer.runs import launch
from trainer.runs.context import RunContext
from trainer.runs.event_log import read_events
from trainer.runs.lock import is_locked, stop_asked, worker_lock
from trainer.runs.manifest import check_manifest

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 180.0
LONG = {"num_train_epochs": 2000.0, "eval_steps": 0, "save_steps": 5}


def _worker(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainer", str(folder), "--device", "cpu"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def _types(folder: Path) -> list[str]:
    return [event["type"] for event in read_events(folder, 0)[0]]


def _step(folder: Path) -> int:
    events, _ = read_events(folder, 0)
    return max((e["step"] for e in events if e["type"] == "metrics"), default=0)


def _wait_for_step(folder: Path, step: int) -> None:
    def reached() -> bool:
        assert "failed" not in _types(folder), launch.log_tail(folder)
        return _step(folder) >= step

    wait_until(reached, what=f"step {step}", timeout=PATIENCE_SECONDS)


def _last_event(folder: Path) -> dict[str, Any]:
    return read_events(folder, 0)[0][-1]


def test_denormals_are_flushed_to_zero_in_all_threads() -> None:
    lines = [
        "import torch, trainer.recipes.dpo; from trainer.__main__ import _denormals_flushed",
        "torch.set_num_threads(2)",
        "with _denormals_flushed():",
        "    print(torch.full((2**20,), 1e-39).mul(2).count_nonzero().item())",
    ]
    found = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert found.stdout == "0\n", found.stderr


def test_memory_that_a_step_frees_is_there_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        "import resource",
        "def step(): return [bytearray(30 << 20) for _ in range(3)]",
        "def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt",
        "step(); before = faults(); step(); print(faults() - before)",
    ]
    command = [sys.executable, "-c", "\n".join(lines)]

    def num_faults(environment: dict[str, str]) -> int:
        return int(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)

    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    times_fewer = 20 if platform.libc_ver()[0] == "glibc" else 0.5  # others take no notice
    assert num_faults(launch.environment()) * times_fewer < num_faults(dict(os.environ))
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    assert launch.environment()["GLIBC_TUNABLES"] == "glibc.malloc.check=0"


def test_run_is_carried_out_from_its_folder_alone(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", training={"max_steps": 1})
    result = _worker(context.folder)
    assert result.returncode == 0, result.stderr
    assert _types(context.folder)[0] == "started"
    assert _last_event(context.folder)["type"] == "finished"
    assert _last_event(context.folder)["summary"]["adapter"] == "adapter"
    assert not is_locked(context.folder)

    again = _worker(context.folder)
    assert again.returncode == 2
    assert "Run 1 is finished" in again.stderr
    assert _last_event(context.folder)["type"] == "finished"


@pytest.mark.parametrize("way", ["cancel file", "SIGTERM"])
def test_stop_saves_the_adapter_and_ends_with_cancelled(make_run: MakeRun, way: str) -> None:
    folder = make_run(1, "dpo", training=LONG).folder
    pid = launch.start(folder, device="cpu")
    _wait_for_step(folder, 1)
    assert launch.is_alive(folder)
    if way == "SIGTERM":
        os.kill(pid, signal.SIGTERM)
    else:
        launch.stop(folder)
    wait_until(lambda: not launch.is_alive(folder), what="the end", timeout=PATIENCE_SECONDS)
    event = _last_event(folder)
    assert event["type"] == "cancelled", launch.log_tail(folder)
    assert event["adapter"] == "adapter"
    assert event["summary"]["steps"] >= 1
    check_manifest(folder / "adapter")
    assert not stop_asked(folder)


def test_killed_worker_frees_its_lock_leaves_no_zombie_and_resumes(make_run: MakeRun) -> None:
    folder = make_run(1, "dpo", training=LONG).folder
    pid = launch.start(folder, device="cpu")
    _wait_for_step(folder, 6)
    assert json.loads((folder / "worker.json").read_text())["pid"] == pid
    assert kill_worker(folder)
    wait_until(lambda: not launch.is_alive(folder), what="the lock to be free")
    assert not {"finished", "failed", "cancelled"} & set(_types(folder))
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), what="the zombie to be reaped")

    reached = _step(folder)
    launch.start(folder, device="cpu")
    _wait_for_step(folder, reached + 1)
    launch.stop(folder)
    wait_until(lambda: not launch.is_alive(folder), what="the end", timeout=PATIENCE_SECONDS)
    started = [e for e in read_events(folder, 0)[0] if e["type"] == "started"]
    assert started[1]["resumed_from_step"] >= 5
    assert _last_event(folder)["type"] == "cancelled"


def test_failure_is_put_in_words_with_the_traceback_beside(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", training={"optim": "no_such_optimiser"})
    result = _worker(context.folder)
    assert result.returncode == 1
    event = _last_event(context.folder)
    assert event["type"] == "failed"
    assert "ValueError" in event["message"]
    assert "no_such_optimiser" in event["traceback"]
    assert "no_such_optimiser" in result.stderr


def test_error_a_person_can_mend_fails_without_traceback(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", training={"beta": -1})
    assert _worker(context.folder).returncode == 1
    event = _last_event(context.folder)
    assert event["type"] == "failed"
    assert event["message"] == "The options cannot work. beta is -1.0; it must be over 0."
    assert event["traceback"] == ""


def test_bad_folder_ends_with_two_and_writes_nothing(tmp_path: Path) -> None:
    result = _worker(tmp_path)
    assert result.returncode == 2
    assert "has no run.json" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_folder_outside_a_data_folder_needs_the_data_folder_named(
    make_run: MakeRun, tmp_path: Path
) -> None:
    moved = make_run(1, "dpo").folder.rename(tmp_path / "moved")
    result = _worker(moved)
    assert result.returncode == 2
    assert "with --data" in result.stderr


def test_second_worker_on_a_locked_folder_ends_with_two(make_run: MakeRun) -> None:
    context: RunContext = make_run(1, "dpo")
    with worker_lock(context.folder):
        result = _worker(context.folder)
    assert result.returncode == 2
    assert "Another worker already works" in result.stderr
    assert _types(context.folder) == []


def test_stranger_with_a_reused_process_id_is_not_taken_for_the_worker(make_run: MakeRun) -> None:
    folder = make_run(1, "dpo").folder
    identity = {"pid": os.getpid(), "start_time": "12345"}
    (folder / "worker.json").write_text(json.dumps(identity))
    assert not launch.is_alive(folder)
    launch.write_identity(folder)
    assert launch.is_alive(folder)


def test_log_shows_its_last_lines(make_run: MakeRun) -> None:
    folder = make_run(1, "dpo").folder
    assert launch.log_tail(folder) == ""
    (folder / "worker.log").write_text("".join(f"line {n}\n" for n in range(1000)))
    assert launch.log_tail(folder, 2) == "line 998\nline 999"
