"""The plain script trains what the run has trained."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.conftest import MakeRun
from trainer.errors import TrainerError
from trainer.exporting.script import plain_script
from trainer.recipes import dpo, sft
from trainer.runs.context import RunContext
from trainer.runs.event_log import read_events

OPTIONS = {"learning_rate": 5e-3, "num_train_epochs": 2, "eval_steps": 0, "max_length": 64}
_TELL = "\nimport json\nprint('LOSSES', json.dumps([h['loss'] for h in trainer.state.log_history if 'loss' in h]))\n"  # noqa: E501


def _losses(context: RunContext) -> list[float]:
    events, _ = read_events(context.folder, 0)
    return [e["values"]["loss"] for e in events if "loss" in e.get("values", {})]


def _plain_losses(context: RunContext, place: Path) -> list[float]:
    """What the script logs; it runs as it is, with one more line that prints its losses."""
    path = place / "plain.py"
    path.write_text(plain_script(context.folder, context.data_folder) + _TELL)
    done = subprocess.run(
        [sys.executable, path.name], cwd=place, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr[-2000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("LOSSES"))
    losses: list[float] = [float(part) for part in line[8:].strip("[] ").split(",")]
    return losses


@pytest.mark.slow
def test_dpo_script_reaches_the_losses_of_the_run(make_run: MakeRun, tmp_path: Path) -> None:
    context = make_run(1, "dpo", training=OPTIONS, stopping=None)
    dpo.run(context)
    losses = _losses(context)
    assert len(losses) == 4
    assert losses[-1] < 0.65
    assert _plain_losses(context, tmp_path) == pytest.approx(losses, abs=1e-2)


@pytest.mark.slow
def test_script_of_a_further_round_is_held_to_its_start(make_run: MakeRun, tmp_path: Path) -> None:
    first = make_run(1, "sft", training=OPTIONS)
    sft.run(first)
    rules = {"rewards_margins": 0.0, "rewards_accuracies": 0.01, "num_steps": 2}
    second = make_run(2, "dpo", adapter="runs/0001-sft/adapter", training=OPTIONS, stopping=rules)
    dpo.run(second)
    losses = _losses(second)
    assert losses[0] == pytest.approx(0.6931, abs=1e-3)
    assert _plain_losses(second, tmp_path) == pytest.approx(losses, abs=1e-2)


@pytest.mark.slow
def test_sft_script_reaches_the_losses_of_the_run(make_run: MakeRun, tmp_path: Path) -> None:
    context = make_run(1, "sft", training=OPTIONS)
    sft.run(context)
    assert _plain_losses(context, tmp_path) == pytest.approx(_losses(context), abs=1e-2)


@pytest.mark.slow
def test_script_of_a_full_model_reaches_the_losses_of_the_run(
    make_run: MakeRun, tmp_path: Path
) -> None:
    options = {**OPTIONS, "learning_rate": 5e-4}
    context = make_run(1, "dpo", lora=None, training=options, stopping=None)
    dpo.run(context)
    losses = _losses(context)
    assert losses[-1] < 0.65
    assert _plain_losses(context, tmp_path) == pytest.approx(losses, abs=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("reference", ["start", "base"])
def test_script_of_a_full_models_next_round_has_its_reference(
    make_run: MakeRun, tmp_path: Path, reference: str
) -> None:
    options = {**OPTIONS, "learning_rate": 5e-4, "reference": reference}
    sft.run(make_run(1, "sft", lora=None, training=options))
    second = make_run(
        2, "dpo", adapter="runs/0001-sft/model", lora=None, training=options, stopping=None
    )
    dpo.run(second)
    assert _plain_losses(second, tmp_path) == pytest.approx(_losses(second), abs=1e-2)


def test_four_bits_and_a_base_reference_are_written_down(make_run: MakeRun) -> None:
    training = {**OPTIONS, "reference": "base"}
    context = make_run(
        3, "dpo", adapter="runs/0001-sft/adapter", training=training, quantization={}
    )
    context.events.write("started", num_heldout=0, dtype="bfloat16", device="cpu")
    script = plain_script(context.folder, context.data_folder)
    compile(script, "plain.py", "exec")
    assert "load_in_4bit=True" in script
    assert 'trainer.model.delete_adapter("ref")' in script


def test_run_that_has_not_started_has_no_script_yet(make_run: MakeRun) -> None:
    context = make_run(1, "dpo")
    with pytest.raises(TrainerError, match="as soon as the run has started"):
        plain_script(context.folder, context.data_folder)
