"""Real processes killed with a real signal: nothing is lost, nothing is taken in twice."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.http_api import Api
from tests.sample_files import labelled_pairs
from tests.server_process import ServerProcess
from tests.waiting import wait_for_end, wait_until

pytestmark = [pytest.mark.starter, pytest.mark.slow]


def test_a_run_outlives_a_killed_server_and_is_found_again(server: ServerProcess) -> None:
    run_id = _start_training(server.api)
    wait_until(lambda: _num_steps(server.api, run_id) >= 2, what="two steps", timeout=180)
    worker = _worker_pid(server.data_folder)
    server.kill()
    server.start()
    assert _worker_pid(server.data_folder) == worker

    done = wait_for_end(server.api, run_id)

    assert done["row"]["status"] == "finished", done
    assert len(server.api.call("runs")) == 1
    curve = done["curves"]["loss"]
    assert [step for step, _ in curve] == list(range(1, done["num_steps"] + 1))
    written = _metric_events(server.data_folder)
    assert len(written) == len({event["seq"] for event in written})
    assert curve == [
        [event["step"], event["values"]["loss"]] for event in written if "loss" in event["values"]
    ]
    manifest = next(server.data_folder.glob("runs/*/adapter/manifest.json"))
    assert json.loads(manifest.read_text())["run_id"] == run_id


def test_a_killed_worker_is_shown_as_failed_within_ten_seconds(server: ServerProcess) -> None:
    api = server.api
    run_id = _start_training(api)
    wait_until(lambda: _num_steps(api, run_id) >= 1, what="the first step", timeout=180)
    os.kill(_worker_pid(server.data_folder), signal.SIGKILL)
    killed_at = time.monotonic()

    failed = wait_for_end(api, run_id, timeout=10)

    assert time.monotonic() - killed_at < 10
    assert failed["row"]["status"] == "failed"
    assert "killed" in failed["row"]["error"]
    # The server is fine: it labels, and it takes the next run.
    assert api.call("submit_and_next", "", None, "")["current"] is None
    assert api.call("start_run", "dpo", {"training": {"max_steps": 1}})["run_ids"] == [run_id + 1]


def _start_training(api: Api) -> int:
    api.call("import_file", api.upload("pairs.jsonl", labelled_pairs(24)))
    options = {"training": {"num_train_epochs": 2, "eval_steps": 0}, "stopping": None}
    run_ids = api.call("start_run", "dpo", options)["run_ids"]
    return int(run_ids[0])


def _num_steps(api: Api, run_id: int) -> int:
    status = api.call("run_status", run_id)
    assert status["row"]["status"] in ("queued", "running"), status
    return len(status["curves"].get("loss", []))


def _worker_pid(data_folder: Path) -> int:
    worker = next(data_folder.glob("runs/*-dpo/worker.json"))
    return int(json.loads(worker.read_text())["pid"])


def _metric_events(data_folder: Path) -> list[dict]:
    lines = next(data_folder.glob("runs/*-dpo/events.jsonl")).read_text().splitlines()
    events = [json.loads(line) for line in lines]
    return [event for event in events if event["type"] == "metrics"]
