"""Runs that train every weight of a two-layer model, without any adapter."""

import hashlib
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.conftest import MakeRun
from tests.trainer.tiny_model import save_tiny_model
from trainer.errors import TrainerError
from trainer.models import loading
from trainer.options.presets import recipe_defaults
from trainer.recipes import dpo, reward, sft, training
from trainer.recipes.policy import load_policy, load_reference
from trainer.runs.context import RunContext, RunFailed
from trainer.runs.event_log import EventWriter, read_events
from trainer.runs.manifest import check_manifest, holds_full_model

pytestmark = pytest.mark.slow

MODEL = "model"
WEIGHTS = "model.safetensors"
FAST = {"learning_rate": 1e-3, "max_steps": 6, "eval_steps": 0, "warmup_steps": 0}
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "pick_dtype", lambda device: torch.float32)


def _events(context: RunContext, event_type: str) -> list[dict[str, Any]]:
    events, _ = read_events(context.folder, 0)
    return [event for event in events if event["type"] == event_type]


def _curves(context: RunContext) -> dict[str, list[float]]:
    curves: dict[str, list[float]] = {}
    for event in _events(context, "metrics"):
        for name, value in event["values"].items():
            curves.setdefault(name, []).append(value)
    return curves


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / WEIGHTS)


def _change(context: RunContext) -> float:
    """The largest change of any weight against the base's."""
    before, after = _weights(Path(context.spec.base)), _weights(context.folder / MODEL)
    assert before.keys() == after.keys()
    return max(float((after[name] - before[name]).abs().max()) for name in before)


def _bits(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def _again(context: RunContext) -> RunContext:
    return RunContext(
        context.folder, context.spec, context.data_folder, "cpu", EventWriter(context.folder)
    )


def test_run_leaves_a_full_model_and_the_base_as_it_was(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", lora=None, training=FAST)
    before = _bits(Path(context.spec.base))
    summary = dpo.run(context)

    assert summary["adapter"] == MODEL
    assert _curves(context)["loss"][-1] < 0.6
    assert _bits(Path(context.spec.base)) == before
    assert {path.name for path in context.folder.iterdir()} == {
        "run.json", "train.jsonl", "heldout.jsonl", "events.jsonl", MODEL
    }  # fmt: skip
    folder = context.folder / MODEL
    manifest = check_manifest(folder)
    assert (manifest["holds"], manifest["base_model"]) == (MODEL, context.spec.base)
    assert holds_full_model(folder)
    assert all(weight.dtype is torch.float32 for weight in _weights(folder).values())
    assert json.loads((folder / "config.json").read_text())["use_cache"] is True
    card = (folder / "README.md").read_text()
    assert "library_name: transformers" in card
    assert "A full model in float32, every weight of it trained from" in card

    base, where = context.spec.base, context.data_folder
    model = loading.load_full_model(folder, where, base=base, device="cpu")
    loading.load_tokenizer(str(folder), where)
    moved = {
        name for name, weight in model.state_dict().items()
        if not torch.equal(weight, _weights(Path(base))[name])
    }  # fmt: skip
    assert moved == model.state_dict().keys()


def test_steps_of_the_preset_move_the_weights_where_16_bits_would_lose_them(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "pick_dtype", lambda device: torch.bfloat16)
    context = make_run(1, "dpo", lora=None, training={"max_steps": 4}, stopping=None)
    dpo.run(context)
    assert _events(context, "started")[0]["options"]["training"]["learning_rate"] == 5e-6
    assert _events(context, "started")[0]["dtype"] == "bfloat16"
    assert 1e-6 < _change(context) < 5e-5
    before, after = _weights(Path(context.spec.base)), _weights(context.folder / MODEL)
    name = "model.layers.0.mlp.gate_proj.weight"
    moved = after[name] != before[name]
    lost = after[name].bfloat16() == before[name].bfloat16()
    assert moved.float().mean() > 0.9
    assert (moved & lost).float().mean() > 0.5


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("loss", ["sigmoid", "sigmoid+sft"])
def test_steps_give_trls_own_curves_and_weights(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tied: bool, loss: str
) -> None:
    base = save_tiny_model(tmp_path / "base", tied=tied)
    options = {**FAST, "max_steps": 10, "eval_steps": 10, "loss_type": loss, "max_length": 80}
    # Adam takes a step of the rate's size however small a gradient is, also where it is rounding.
    options["learning_rate"] = 3e-4
    ours, theirs = (
        make_run(
            number, "dpo", base=base, lora=None, stopping=None,
            training={**options, "precompute_ref_log_probs": number == 1},
        )
        for number in (1, 2)
    )  # fmt: skip
    dpo.run(ours)
    monkeypatch.setattr(dpo, "supports", lambda model: False)
    dpo.run(theirs)
    found, expected = _curves(ours), _curves(theirs)
    assert found.keys() == expected.keys()
    assert {"eval_loss", "rewards/chosen", "rewards/rejected"} <= found.keys()
    assert len(found["loss"]) == 10
    assert found["loss"][-1] < found["loss"][0]
    # Before the first step policy and reference agree, so that rounding says which is ahead.
    for curves in (found, expected):
        assert curves["rewards/margins"][0] == pytest.approx(0, abs=1e-5)
        del curves["rewards/accuracies"][0]
    for name in found.keys() - {"num_tokens"}:
        assert found[name] == pytest.approx(expected[name], abs=1e-5, rel=1e-5), name
    weights = _weights(ours.folder / MODEL)
    assert ("lm_head.weight" in weights) is not tied
    torch.testing.assert_close(weights, _weights(theirs.folder / MODEL), **CLOSE)


def test_gradients_in_16_bits_are_near_trls(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "pick_dtype", lambda device: torch.bfloat16)
    ours, theirs = (make_run(n, "dpo", lora=None, training=FAST, stopping=None) for n in (1, 2))
    dpo.run(ours)
    monkeypatch.setattr(dpo, "supports", lambda model: False)
    dpo.run(theirs)
    norms, expected = (_curves(run)["grad_norm"] for run in (ours, theirs))
    assert len(norms) == 6
    assert norms == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("options", [{"gradient_checkpointing": True}, {"optim": "sgd"}])
def test_other_options_train_the_same_way(make_run: MakeRun, options: dict[str, Any]) -> None:
    rate = 0.1 if "optim" in options else 1e-3
    context = make_run(1, "dpo", lora=None, training={**FAST, "learning_rate": rate, **options})
    dpo.run(context)
    assert _curves(context)["loss"][-1] < 0.65


@pytest.mark.parametrize("loss", ["sigmoid", "ipo"])
def test_loss_that_breaks_keeps_the_last_checkpoint_that_proved_good(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    options = {**FAST, "loss_type": loss, "save_steps": 2, "lr_scheduler_type": "constant"}
    whole = make_run(1, "dpo", lora=None, training={**options, "max_steps": 4}, stopping=None)
    dpo.run(whole)

    context = make_run(2, "dpo", lora=None, training={**options, "max_steps": 9}, stopping=None)
    write = context.events.write

    def break_the_model_at_step_six(event_type: str, **fields: Any) -> None:
        write(event_type, **fields)
        if event_type == "progress" and fields["step"] == 6:
            for weight in trainers[0].model.parameters():
                weight.data.fill_(math.nan)

    context.events.write = break_the_model_at_step_six  # type: ignore[method-assign]
    trainers = []
    carry_out = training.carry_out
    monkeypatch.setattr(
        training,
        "carry_out",
        lambda trainer, *rest: trainers.append(trainer) or carry_out(trainer, *rest),
    )
    with pytest.raises(RunFailed) as failure:
        dpo.run(context)
    # The checkpoint of step 6 holds the broken weights, so the one before it counts.
    assert str(failure.value).endswith(
        "The model of step 4 is kept. Try again with a smaller learning rate."
    )
    assert failure.value.fields == {"adapter": MODEL}
    check_manifest(context.folder / MODEL)
    torch.testing.assert_close(
        _weights(context.folder / MODEL), _weights(whole.folder / MODEL), **CLOSE
    )


def test_only_the_newest_checkpoint_stays_once_a_step_has_followed_it(make_run: MakeRun) -> None:
    options = {**FAST, "save_steps": 2, "gradient_accumulation_steps": 2, "max_steps": 7}
    context = make_run(1, "dpo", lora=None, training=options, stopping=None)
    seen = []
    write = context.events.write

    def look(event_type: str, **fields: Any) -> None:
        write(event_type, **fields)
        if event_type == "progress" and fields["phase"] == "training":
            seen.append(sorted(p.name for p in context.folder.glob("checkpoints/checkpoint-*")))

    context.events.write = look  # type: ignore[method-assign]
    dpo.run(context)
    kept = [[], [], [], [2], [2], [2, 4], [4], [4, 6]]
    assert seen == [[f"checkpoint-{step}" for step in steps] for steps in kept]


def test_learning_rate_of_a_thousand_keeps_nothing_before_a_checkpoint(make_run: MakeRun) -> None:
    options = {**FAST, "learning_rate": 1000.0, "max_steps": 40}
    context = make_run(1, "dpo", lora=None, training=options)
    with pytest.raises(RunFailed, match="so nothing of it is kept") as failure:
        dpo.run(context)
    assert failure.value.fields == {"adapter": None}
    assert not (context.folder / MODEL).exists()


def test_no_second_model_is_held_while_training(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", lora=None, training=FAST)
    setup = training.prepare(context)
    assert load_reference(context, setup.options) is None
    model, lora = load_policy(context, setup.options)
    assert lora is None
    trainer = dpo.PairTrainer(
        model=model,
        args=dpo.DPOConfig(**training.trainer_arguments(setup), precompute_ref_log_probs=True),
        **training.datasets(setup, asdict),
        processing_class=setup.tokenizer,
    )
    assert trainer.ref_model is None
    assert trainer.model is model
    assert all(weight.requires_grad for weight in model.parameters())


def test_sft_trains_a_full_model_too(make_run: MakeRun) -> None:
    context = make_run(1, "sft", lora=None, training={**FAST, "max_steps": 4})
    assert sft.run(context)["adapter"] == MODEL
    losses = _curves(context)["loss"]
    assert losses[-1] < losses[0]
    assert _change(context) > 1e-4
    assert recipe_defaults("sft", {"lora": None}).training.learning_rate == 2e-5


def test_reward_model_is_refused_as_a_full_model(make_run: MakeRun) -> None:
    with pytest.raises(TrainerError, match="Choose another preset than full"):
        reward.run(make_run(1, "reward", lora=None))


def test_four_bits_cannot_be_fully_fine_tuned(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", lora=None, quantization={})
    with pytest.raises(TrainerError, match="leave quantization out to train the full model"):
        dpo.run(context)
