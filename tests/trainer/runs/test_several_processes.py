"""Two processes under torchrun carry out one run together."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.conftest import MakeRun
from tests.waiting import wait_until
from trainer.errors import TrainerError
from trainer.models import loading
from trainer.options.groups import TrainingOptions
from trainer.recipes import training
from trainer.runs.event_log import read_events
from trainer.runs.lock import ask_to_stop, is_locked, stop_asked
from trainer.runs.manifest import check_manifest

pytestmark = pytest.mark.slow

WORKER = ["-m", "tests.trainer.float32_worker"]
OPTIONS = {
    "learning_rate": 1e-3,
    "max_steps": 6,
    "eval_steps": 3,
    "save_steps": 2,
    "per_device_train_batch_size": 4,
}


def _command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _launch(folder: Path) -> subprocess.Popen[str]:
    """The run on two CPU processes, by the command that README gives."""
    launcher = [_command("torchrun"), "--standalone", "--nproc_per_node", "2"]
    return subprocess.Popen(
        [*launcher, *WORKER, str(folder), "--device", "cpu"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def _process(folder: Path, rank: int) -> psutil.Process:
    """The living process of this rank that works on the folder."""
    (found,) = (
        process
        for process in psutil.process_iter()
        if str(folder) in process.cmdline()
        and process.environ().get("RANK") == str(rank)
    )  # fmt: skip
    return found


def _events(folder: Path, event_type: str) -> list[dict[str, Any]]:
    events, _ = read_events(folder, 0)
    return [event for event in events if event["type"] == event_type]


def _curve(folder: Path, name: str) -> list[float]:
    return [e["values"][name] for e in _events(folder, "metrics") if name in e["values"]]


def _by_step(folder: Path) -> dict[int, float]:
    """The loss of each step; of a step that was taken twice the second time."""
    metrics = _events(folder, "metrics")
    return {e["step"]: e["values"]["loss"] for e in metrics if "loss" in e["values"]}


def test_two_processes_train_what_one_trains(make_run: MakeRun) -> None:
    alone, together = (make_run(n, "dpo", training=OPTIONS, stopping=None).folder for n in (1, 2))
    launcher = _launch(together)
    output, _ = launcher.communicate(timeout=120)
    assert launcher.returncode == 0, output
    references = next((together.parents[1] / "cache" / "references").iterdir())
    stored = references.stat().st_size
    references.unlink()  # the second run computes its own
    subprocess.run([sys.executable, *WORKER, str(alone), "--device", "cpu"], check=True)

    for name in ("loss", "eval_loss", "rewards/margins", "grad_norm", "num_tokens"):
        assert _curve(together, name) == pytest.approx(_curve(alone, name), abs=1e-4), name
    assert _curve(together, "loss")[-1] < 0.69
    torch.testing.assert_close(
        *(load_file(folder / "adapter" / loading.WEIGHTS) for folder in (together, alone)),
        atol=1e-4, rtol=1e-3,
    )  # fmt: skip
    check_manifest(together / "adapter")
    assert references.stat().st_size == stored
    for event_type in ("started", "progress", "metrics", "finished"):
        assert len(_events(together, event_type)) == len(_events(alone, event_type)), event_type
    (finished,) = _events(together, "finished")
    assert finished["summary"]["num_references_computed"] == 10
    assert not is_locked(together)


def test_two_processes_train_a_full_model_as_one_does(make_run: MakeRun) -> None:
    alone, together = (
        make_run(n, "dpo", lora=None, training=OPTIONS, stopping=None).folder for n in (1, 2)
    )
    launcher = _launch(together)
    output, _ = launcher.communicate(timeout=120)
    assert launcher.returncode == 0, output
    subprocess.run([sys.executable, *WORKER, str(alone), "--device", "cpu"], check=True)
    for name in ("loss", "eval_loss", "rewards/margins", "grad_norm", "num_tokens"):
        assert _curve(together, name) == pytest.approx(_curve(alone, name), abs=1e-4), name
    assert _curve(together, "loss")[-1] < 0.6
    torch.testing.assert_close(
        *(load_file(folder / "model" / "model.safetensors") for folder in (together, alone)),
        atol=1e-4, rtol=1e-3,
    )  # fmt: skip


def test_stop_reaches_both_processes(make_run: MakeRun) -> None:
    folder = make_run(1, "dpo", training={**OPTIONS, "max_steps": 5000, "eval_steps": 0}).folder
    launcher = _launch(folder)
    wait_until(lambda: len(_curve(folder, "loss")) > 0, what="a step", timeout=120)
    ask_to_stop(folder)
    output, _ = launcher.communicate(timeout=60)
    assert launcher.returncode == 1
    assert "exitcode  : 3" in output, output
    (cancelled,) = _events(folder, "cancelled")
    assert cancelled["summary"]["steps"] == len(_curve(folder, "loss"))
    check_manifest(folder / "adapter")
    assert not stop_asked(folder)
    assert not _events(folder, "failed")


@pytest.mark.parametrize("killed", [0, 1])
def test_killed_process_fails_the_run_which_resumes(make_run: MakeRun, killed: int) -> None:
    options = {**OPTIONS, "max_steps": 40, "eval_steps": 0, "lr_scheduler_type": "constant"}
    broken = make_run(1, "dpo", training=options, stopping=None).folder
    launcher = _launch(broken)
    wait_until(lambda: len(_curve(broken, "loss")) > 8, what="some steps", pause=0.01)
    _process(broken, killed).kill()
    output, _ = launcher.communicate(timeout=20)
    assert launcher.returncode == 1, output
    (failed,) = _events(broken, "failed")
    assert "One of the run's processes was killed" in failed["message"]
    assert not is_locked(broken)

    before = _by_step(broken)
    subprocess.run([sys.executable, *WORKER, str(broken), "--device", "cpu"], check=True)
    resumed_from = _events(broken, "started")[-1]["resumed_from_step"]
    assert 0 < resumed_from <= max(before) < 40
    after = _by_step(broken)
    assert sorted(after) == list(range(1, 41))
    assert {step: after[step] for step in before} == pytest.approx(before, abs=1e-4)


def test_two_processes_train_sft_as_one_does(make_run: MakeRun) -> None:
    alone, together = (make_run(n, "sft", training=OPTIONS).folder for n in (1, 2))
    launcher = _launch(together)
    output, _ = launcher.communicate(timeout=120)
    assert launcher.returncode == 0, output
    subprocess.run([sys.executable, *WORKER, str(alone), "--device", "cpu"], check=True)
    for name in ("loss", "eval_loss", "grad_norm", "num_tokens"):
        assert _curve(together, name) == pytest.approx(_curve(alone, name), abs=1e-4), name
    assert _curve(together, "loss")[-1] < _curve(together, "loss")[0]


def test_one_process_of_accelerate_says_that_it_is_alone(make_run: MakeRun) -> None:
    folder = make_run(1, "dpo", training={"max_steps": 1, "eval_steps": 0}).folder
    launched = subprocess.run(
        [_command("accelerate"), "launch", *WORKER, str(folder), "--device", "cpu"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert launched.returncode == 0, launched.stderr
    (warning,) = _events(folder, "warning")
    assert "accelerate has started one process" in warning["message"]
    assert "torchrun --standalone --nproc_per_node 2 -m trainer" in warning["message"]


@pytest.mark.parametrize(
    ("batch", "batches", "shared"),
    [
        (4, 3, {"per_device_train_batch_size": 2}),
        (1, 4, {"gradient_accumulation_steps": 2}),
    ],
)
def test_processes_share_a_batch_or_the_batches_of_a_step(
    batch: int, batches: int, shared: dict[str, int]
) -> None:
    options = TrainingOptions(
        per_device_train_batch_size=batch, gradient_accumulation_steps=batches
    )
    assert training._shared_batch(options, 2) == shared


def test_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(TrainerError, match="2 processes cannot share a batch of 3"):
        training._shared_batch(TrainingOptions(per_device_train_batch_size=3), 2)
