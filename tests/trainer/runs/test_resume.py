"""A worker that is killed in the middle and started again leaves what an unharmed one leaves."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.conftest import MakeRun
from tests.waiting import wait_until
from trainer.models import loading
from trainer.runs.event_log import read_events

pytestmark = pytest.mark.slow

NUM_STEPS = 120
KILLED_AFTER = 37  # between two checkpoints
OPTIONS = {
    "learning_rate": 1e-3,
    "lr_scheduler_type": "cosine",
    "max_steps": NUM_STEPS,
    "per_device_train_batch_size": 3,  # of 8 pairs: the last batch of an epoch is smaller
    "eval_steps": 50,
    "save_steps": 10,
}


def _start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.trainer.float32_worker", str(folder), "--device", "cpu"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _curve(folder: Path) -> dict[tuple[int, str], list[float]]:
    """Every value of the curves by step and name; a step that was done twice has two."""
    curve: dict[tuple[int, str], list[float]] = {}
    for event in read_events(folder, 0)[0]:
        if event["type"] == "metrics":
            for name, value in event["values"].items():
                curve.setdefault((event["step"], name), []).append(value)
    return curve


@pytest.mark.parametrize(
    ("lora", "weights"),
    [({}, f"adapter/{loading.WEIGHTS}"), (None, "model/model.safetensors")],
    ids=["adapter", "full model"],
)
def test_killed_and_resumed_run_ends_like_an_unharmed_one(
    make_run: MakeRun, lora: dict[str, Any] | None, weights: str
) -> None:
    unharmed, killed = (
        make_run(run_id, "dpo", lora=lora, training=OPTIONS, stopping=None).folder
        for run_id in (1, 2)
    )
    assert _start(unharmed).wait(timeout=180) == 0

    worker = _start(killed)
    wait_until(
        lambda: max((step for step, _ in _curve(killed)), default=0) >= KILLED_AFTER,
        what=f"step {KILLED_AFTER}", timeout=180, pause=0.01,
    )  # fmt: skip
    os.kill(worker.pid, signal.SIGKILL)
    assert worker.wait() == -signal.SIGKILL
    reached = max(step for step, _ in _curve(killed))
    assert reached < NUM_STEPS
    assert _start(killed).wait(timeout=180) == 0

    events, _ = read_events(killed, 0)
    started = [event for event in events if event["type"] == "started"]
    assert 0 < started[1]["resumed_from_step"] <= reached
    assert events[-1]["summary"]["num_references_computed"] == 0
    curve, expected = _curve(killed), _curve(unharmed)
    assert curve.keys() == expected.keys()
    for place, values in curve.items():
        times = len(values) // len(expected[place])  # twice between the checkpoint and the kill
        assert values == pytest.approx(expected[place] * times, abs=1e-5), place
    torch.testing.assert_close(
        *(load_file(folder / weights) for folder in (killed, unharmed)),
        atol=1e-5, rtol=1e-5,
    )  # fmt: skip
