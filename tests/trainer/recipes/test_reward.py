"""Reward runs on a two-layer model."""

import pytest
from safetensors.torch import load_file

from tests.trainer.conftest import MakeRun
from trainer.errors import TrainerError
from trainer.evaluation.win_rate import wilson_interval
from trainer.labellers.reward_model import RewardModel
from trainer.models import loading
from trainer.recipes import reward, sft
from trainer.runs.context import Cancelled, RunContext, RunFailed
from trainer.runs.event_log import read_events
from trainer.runs.lock import ask_to_stop, forget_stop
from trainer.runs.manifest import check_manifest

pytestmark = pytest.mark.slow

FAST = {"learning_rate": 1e-2, "num_train_epochs": 6.0, "eval_steps": 0, "save_steps": 0}


def _model_of(context: RunContext) -> RewardModel:
    folder = context.folder / "adapter"
    return RewardModel(context.spec.base, folder, data_folder=context.data_folder, device="cpu")


def test_saved_model_scores_chosen_answers_above_rejected_ones(make_run: MakeRun) -> None:
    context = make_run(1, "reward", training=FAST)
    summary = reward.run(context)
    events, _ = read_events(context.folder, 0)
    losses = [e["values"]["loss"] for e in events if "loss" in e.get("values", {})]
    assert losses[-1] < 0.5 * losses[0]
    assert check_manifest(context.folder / "adapter")["kind"] == "reward"

    model = _model_of(context)
    rows = context.rows("heldout.jsonl")
    chosen = model.scores([row["prompt"] + row["chosen"] for row in rows])
    rejected = model.scores([row["prompt"] + row["rejected"] for row in rows])
    num_right = sum(one > other for one, other in zip(chosen, rejected, strict=True))
    low, high = wilson_interval(num_right, len(rows))
    assert num_right == len(rows)
    assert summary["heldout_accuracy"] == {
        "num_right": num_right, "num_pairs": len(rows), "low": low, "high": high,
    }  # fmt: skip


def test_score_head_is_saved_with_the_adapter(make_run: MakeRun) -> None:
    context = make_run(1, "reward", training={**FAST, "max_steps": 1})
    reward.run(context)
    weights = load_file(context.folder / "adapter" / loading.WEIGHTS)
    assert [key for key in weights if loading.SCORE_HEAD in key]
    assert not [key for key in weights if "lora" not in key and loading.SCORE_HEAD not in key]


def test_same_seed_gives_the_same_model(make_run: MakeRun) -> None:
    metrics = [
        reward.run(make_run(run_id, "reward", training={**FAST, "max_steps": 3}))["metrics"]
        for run_id in (1, 2)
    ]
    assert metrics[0]["loss"] == metrics[1]["loss"]


def test_long_pairs_are_cut_and_none_is_lost(make_run: MakeRun) -> None:
    context = make_run(1, "reward", training={**FAST, "max_length": 48, "max_steps": 1})
    summary = reward.run(context)
    assert summary["num_train"] == 8
    assert summary["heldout_accuracy"]["num_pairs"] == 2


def test_stop_leaves_an_adapter_and_a_checkpoint(make_run: MakeRun) -> None:
    context = make_run(1, "reward", training=FAST)
    ask_to_stop(context.folder)
    with pytest.raises(Cancelled) as caught:
        reward.run(context)
    assert caught.value.fields["adapter"] == "adapter"
    forget_stop(context.folder)
    assert reward.run(context)["steps"] == 12
    events, _ = read_events(context.folder, 0)
    resumed = [event["resumed_from_step"] for event in events if event["type"] == "started"]
    assert resumed == [0, 1]


def test_broken_loss_ends_the_run(make_run: MakeRun) -> None:
    context = make_run(1, "reward", training={**FAST, "learning_rate": 1e6})
    with pytest.raises(RunFailed, match="smaller learning rate|Lower the learning rate"):
        reward.run(context)


def test_base_in_4_bits_keeps_a_whole_score_head(make_run: MakeRun) -> None:
    context = make_run(1, "reward", training=FAST, quantization={})
    reward.run(context)
    rows = context.rows("heldout.jsonl")
    chosen, rejected = _model_of(context).scores(
        [rows[0]["prompt"] + rows[0][side] for side in ("chosen", "rejected")]
    )
    assert chosen > rejected


def test_only_the_adapter_of_a_reward_run_gives_scores(make_run: MakeRun) -> None:
    context = make_run(1, "sft", training={**FAST, "max_steps": 1})
    sft.run(context)
    with pytest.raises(TrainerError, match="comes from a run of the kind sft"):
        _model_of(context)


def test_an_adapter_to_start_from_is_refused(make_run: MakeRun) -> None:
    context = make_run(1, "reward", adapter="runs/0001-dpo/adapter")
    with pytest.raises(TrainerError, match="starts from the base model"):
        reward.run(context)
