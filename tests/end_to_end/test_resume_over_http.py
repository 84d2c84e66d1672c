"""Runs that were stopped or killed go on over HTTP, from their last checkpoint, as the same run."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve
from tests.http_api import Api, ApiError
from tests.sample_files import labelled_pairs
from tests.trainer.tiny_model import save_tiny_model
from tests.waiting import wait_for_end, wait_until

pytestmark = [pytest.mark.starter, pytest.mark.slow]

NUM_STEPS = 120
SAVE_STEPS = 10


@pytest.fixture
def api(serve: Serve, data_folder: Path, tmp_path: Path) -> Api:
    """A server that may train a tiny model, with pairs."""
    base = save_tiny_model(tmp_path / "base")
    server = serve(data_folder, "--model", str(base))
    server.api.call("import_file", server.api.upload("pairs.jsonl", labelled_pairs(24)))
    return server.api


def _start(api: Api, base: Path) -> int:
    training = {"max_steps": NUM_STEPS, "save_steps": SAVE_STEPS, "eval_steps": 0}
    options = {"model": str(base), "training": training, "stopping": None}
    (run_id,) = api.call("start_run", "dpo", options)["run_ids"]
    wait_until(
        lambda: (api.call("run_status", run_id)["step"] or 0) > 2 * SAVE_STEPS,
        what="the second checkpoint",
        timeout=180,
    )
    return int(run_id)


def _resumed(api: Api, run_id: int) -> dict[str, Any]:
    assert api.call("resume_run", run_id) == {"run_id": run_id}
    return wait_for_end(api, run_id)


def _assert_whole(api: Api, ended: dict[str, Any]) -> None:
    """The run has finished, with every step of its curve and an adapter."""
    assert ended["row"]["status"] == "finished", (ended["row"]["error"], ended["log"])
    assert {step for step, _ in ended["curves"]["loss"]} == set(range(1, NUM_STEPS + 1))
    assert ended["adapter_id"] is not None
    assert [row["id"] for row in api.call("runs")] == [ended["row"]["id"]]


def test_a_stopped_run_goes_on_to_its_end(api: Api, tmp_path: Path) -> None:
    run_id = _start(api, tmp_path / "base")
    api.call("stop_run", run_id)
    stopped = wait_for_end(api, run_id)
    assert stopped["row"]["status"] == "cancelled"
    assert stopped["can_resume"]
    num_done = stopped["step"]
    assert 2 * SAVE_STEPS < num_done < NUM_STEPS

    ended = _resumed(api, run_id)

    _assert_whole(api, ended)
    # It goes on and does not begin anew: no step was computed twice.
    assert len(ended["curves"]["loss"]) == NUM_STEPS
    with pytest.raises(ApiError, match=f"Run {run_id} cannot be resumed: it is finished"):
        api.call("resume_run", run_id)


def test_a_killed_run_goes_on_from_its_last_checkpoint(
    api: Api, data_folder: Path, tmp_path: Path
) -> None:
    run_id = _start(api, tmp_path / "base")
    worker = next(data_folder.glob("runs/*-dpo/worker.json"))
    os.kill(int(json.loads(worker.read_text())["pid"]), signal.SIGKILL)
    killed = wait_for_end(api, run_id)
    assert killed["row"]["status"] == "failed"

    ended = _resumed(api, run_id)

    _assert_whole(api, ended)
    steps = [step for step, _ in ended["curves"]["loss"]]
    # Only what came after the last checkpoint is computed again.
    assert len(steps) < NUM_STEPS + 2 * SAVE_STEPS
