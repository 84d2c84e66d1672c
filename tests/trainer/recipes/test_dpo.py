"""DPO runs on a two-layer model."""

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
from trainer.errors import TrainerError
from trainer.models import loading
from trainer.options.groups import LOSS_TYPES
from trainer.options.training import RunOptions
from trainer.recipes import dpo, sft, training
from trainer.recipes.policy import load_policy
from trainer.runs.context import Cancelled, RunContext, RunFailed
from trainer.runs.event_log import EventWriter, read_events
from trainer.runs.lock import ask_to_stop, forget_stop
from trainer.runs.manifest import check_manifest

pytestmark = pytest.mark.slow

FAST = {"learning_rate": 1e-2, "num_train_epochs": 2.0, "eval_steps": 2, "warmup_steps": 0}


def _events(context: RunContext, event_type: str) -> list[dict[str, Any]]:
    events, _ = read_events(context.folder, 0)
    return [event for event in events if event["type"] == event_type]


def _curve(context: RunContext, name: str) -> list[float]:
    return [m["values"][name] for m in _events(context, "metrics") if name in m["values"]]


def _weights(context: RunContext) -> dict[str, torch.Tensor]:
    return load_file(context.folder / "adapter" / loading.WEIGHTS)


def _again(context: RunContext) -> RunContext:
    """The same run in a second life of its worker."""
    return RunContext(
        context.folder, context.spec, context.data_folder, "cpu", EventWriter(context.folder)
    )


def test_run_learns_the_preference_and_saves_only_the_adapter(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", training=FAST)
    summary = dpo.run(context)

    assert summary["adapter"] == "adapter"
    assert summary["steps"] == 4
    assert _curve(context, "loss")[-1] < 0.6
    assert summary["metrics"]["rewards/margins"] > 0.1
    assert summary["metrics"]["eval_rewards/accuracies"] == 1.0
    files = {path.name for path in (context.folder / "adapter").iterdir()}
    assert files == {"README.md", "adapter_config.json", loading.WEIGHTS, "manifest.json"}
    assert not (context.folder / "checkpoints").exists()
    assert all("lora" in name for name in _weights(context))

    manifest = check_manifest(context.folder / "adapter")
    assert manifest["base_model"] == context.spec.base
    assert manifest["run_id"] == 1
    assert manifest["parent_adapter"] is None
    assert manifest["snapshot"] == "sha256:00"
    assert manifest["options"]["training"]["learning_rate"] == 1e-2


def test_events_tell_start_curves_and_progress(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dpo, "MAX_TOKENS_TOGETHER", 1)  # so that each pair is a batch of its own
    context = make_run(1, "dpo", training=FAST)
    dpo.run(context)
    (started,) = _events(context, "started")
    assert (started["num_train"], started["num_heldout"]) == (8, 2)
    assert (started["device"], started["resumed_from_step"]) == ("cpu", 0)
    points = [m for m in _events(context, "metrics") if "loss" in m["values"]]
    assert [point["step"] for point in points] == [1, 2, 3, 4]
    assert {"rewards/chosen", "rewards/rejected", "logps/chosen"} <= points[0]["values"].keys()
    assert [m["step"] for m in _events(context, "metrics") if "eval_loss" in m["values"]] == [2, 4]
    reference = [p for p in _events(context, "progress") if p["phase"] == "reference"]
    assert [(p["done"], p["total"]) for p in reference] == [(0, 4)] * 10
    assert all(p["eta_seconds"] > 0 for p in reference)
    progress = [p for p in _events(context, "progress") if p["phase"] == "training"]
    assert [(p["done"], p["total"]) for p in progress] == [(n, 4) for n in range(5)]
    assert progress[-1]["eta_seconds"] == 0


@pytest.mark.parametrize("precompute", [False, True])
def test_fresh_adapter_starts_where_the_reference_is(make_run: MakeRun, precompute: bool) -> None:
    options = {**FAST, "max_steps": 1, "precompute_ref_log_probs": precompute}
    context = make_run(1, "dpo", training=options)
    dpo.run(context)
    # Other batches round differently in bfloat16, so stored references agree less exactly.
    exact = 2e-2 if precompute else 1e-6
    assert _curve(context, "loss")[0] == pytest.approx(math.log(2), abs=exact)
    assert _curve(context, "rewards/margins")[0] == pytest.approx(0, abs=exact)


@pytest.mark.parametrize("precompute", [False, True])
def test_reference_of_a_trained_adapter_is_its_frozen_copy(
    make_run: MakeRun, precompute: bool
) -> None:
    first = make_run(1, "sft", training={**FAST, "num_train_epochs": 4.0})
    sft.run(first)
    options = {**FAST, "num_train_epochs": 1.0, "precompute_ref_log_probs": precompute}
    second = make_run(2, "dpo", adapter="runs/0001-sft/adapter", training=options)
    dpo.run(second)

    exact = 5e-2 if precompute else 1e-6
    assert _curve(second, "loss")[0] == pytest.approx(math.log(2), abs=exact)
    assert _curve(second, "rewards/margins")[0] == pytest.approx(0, abs=exact)
    before, after = _weights(first), _weights(second)
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    manifest = check_manifest(second.folder / "adapter")
    assert manifest["parent_adapter"] == "runs/0001-sft/adapter"
    assert _events(second, "started")[0]["reference"] == "runs/0001-sft/adapter"


def _trainer(context: RunContext) -> dpo.PairTrainer:
    setup = training.prepare(context)
    model, lora = load_policy(context, setup.options)
    return dpo.PairTrainer(
        model=model,
        args=dpo.DPOConfig(**training.trainer_arguments(setup)),
        **training.datasets(setup, asdict),
        processing_class=setup.tokenizer,
        peft_config=lora,
    )


def test_batches_come_laid_out_in_training_and_on_held_out_pairs(make_run: MakeRun) -> None:
    trainer = _trainer(make_run(1, "dpo", training=FAST))
    for batches in (trainer.get_train_dataloader(), trainer.get_eval_dataloader()):
        for batch in batches:
            num_answer_tokens = int(batch["completion_mask"].sum())
            assert len(batch["pair_layout"].targets) == num_answer_tokens > 0


def test_reference_copy_is_not_trained(make_run: MakeRun) -> None:
    sft.run(make_run(1, "sft", training={**FAST, "max_steps": 1}))
    context = make_run(2, "dpo", adapter="runs/0001-sft/adapter", training=FAST)
    trainer = _trainer(context)
    trained = {name for name, weight in trainer.model.named_parameters() if weight.requires_grad}
    assert trained
    assert all(".default." in name for name in trained)
    copies = dict(trainer.model.named_parameters())
    for name in trained:
        assert torch.equal(copies[name], copies[name.replace(".default.", ".ref.")])


def test_stop_keeps_the_adapter_and_resumes_where_it_was(make_run: MakeRun) -> None:
    whole = make_run(1, "dpo", training=FAST)
    dpo.run(whole)

    context = make_run(2, "dpo", training=FAST)
    write = context.events.write

    def stop_after_step_two(event_type: str, **fields: Any) -> None:
        write(event_type, **fields)
        if event_type == "progress" and fields["step"] == 1:
            ask_to_stop(context.folder)

    context.events.write = stop_after_step_two  # type: ignore[method-assign]
    with pytest.raises(Cancelled) as outcome:
        dpo.run(context)
    assert outcome.value.fields["adapter"] == "adapter"
    assert outcome.value.fields["summary"]["steps"] == 1
    check_manifest(context.folder / "adapter")

    forget_stop(context.folder)
    summary = dpo.run(_again(context))
    assert summary["steps"] == 4
    assert _events(context, "started")[-1]["resumed_from_step"] == 1
    assert _curve(context, "loss") == pytest.approx(_curve(whole, "loss"), abs=2e-2)


def test_resumed_run_stops_early_at_the_same_step(make_run: MakeRun) -> None:
    rule = {"rewards_accuracies": 0.1, "rewards_margins": 0.001, "num_steps": 3}
    context = make_run(1, "dpo", training={**FAST, "save_steps": 2}, stopping=rule)
    assert dpo.run(context)["steps"] == 3

    cut_off = make_run(2, "dpo", training={**FAST, "save_steps": 2}, stopping=rule)
    write = cut_off.events.write

    def fail_at_step_three(event_type: str, **fields: Any) -> None:
        if event_type == "metrics" and fields["step"] == 3:
            raise OSError("The disk is full.")
        write(event_type, **fields)

    cut_off.events.write = fail_at_step_three  # type: ignore[method-assign]
    with pytest.raises(OSError, match="full"):
        dpo.run(cut_off)
    assert dpo.run(_again(cut_off))["steps"] == 3
    assert _events(cut_off, "started")[-1]["resumed_from_step"] == 2


def test_half_written_checkpoint_is_not_resumed_from(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", training={**FAST, "max_steps": 1})
    (context.folder / "checkpoints" / "checkpoint-3").mkdir(parents=True)
    dpo.run(context)
    assert _events(context, "started")[0]["resumed_from_step"] == 0


def test_loss_that_is_no_number_stops_and_keeps_the_last_good_adapter(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", training={**FAST, "learning_rate": 1e30, "max_grad_norm": 0})
    with pytest.raises(RunFailed, match="smaller learning rate") as failure:
        dpo.run(context)
    assert failure.value.fields == {"adapter": "adapter"}
    assert all(torch.isfinite(weight).all() for weight in _weights(context).values())
    check_manifest(context.folder / "adapter")


def test_full_memory_is_turned_into_advice() -> None:
    advice = "per_device_train_batch_size 2, or max_length 512, or gradient_checkpointing"
    with pytest.raises(TrainerError, match=advice), training.memory_advice(RunOptions()):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    with pytest.raises(RuntimeError, match="shapes"), training.memory_advice(RunOptions()):
        raise RuntimeError("shapes do not match")


def test_enough_learnt_ends_the_run_early(make_run: MakeRun) -> None:
    rule = {"rewards_accuracies": 1.0, "rewards_margins": 0.05, "num_steps": 2}
    context = make_run(1, "dpo", training={**FAST, "num_train_epochs": 20.0}, stopping=rule)
    summary = dpo.run(context)
    assert summary["steps"] < 40
    assert summary["stopped_early"].startswith("Learnt enough")


def _bits_of(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_four_bit_base_trains_on_the_cpu_and_stays_as_it_was(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", training=FAST, quantization={})
    setup = training.prepare(context)
    model, _ = load_policy(context, setup.options)
    assert any(weight.dtype is torch.uint8 for weight in model.parameters())

    file_before = _bits_of(Path(context.spec.base))
    dpo.run(_again(context))
    assert _curve(context, "loss")[-1] < _curve(context, "loss")[0]
    assert _bits_of(Path(context.spec.base)) == file_before
    assert all(weight.dtype is torch.float32 for weight in _weights(context).values())


def test_loss_types_with_smoothing_and_accumulation_train(make_run: MakeRun) -> None:
    options = {
        **FAST,
        "loss_type": "robust",
        "label_smoothing": 0.1,
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 2,
    }
    context = make_run(1, "dpo", training=options)
    assert dpo.run(context)["steps"] == 4


@pytest.mark.parametrize("loss_type", LOSS_TYPES)
def test_every_loss_that_can_be_chosen_falls(make_run: MakeRun, loss_type: str) -> None:
    context = make_run(1, "dpo", training={**FAST, "loss_type": loss_type, "eval_steps": 0})
    assert dpo.run(context)["steps"] == 4
    assert _curve(context, "loss")[-1] < _curve(context, "loss")[0]
    assert all(torch.isfinite(weight).all() for weight in _weights(context).values())


def test_long_pairs_are_warned_of(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", training={**FAST, "max_length": 40, "max_steps": 1})
    dpo.run(context)
    messages = [event["message"] for event in _events(context, "warning")]
    assert any("8 are cut at their end" in message for message in messages)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"training": {"beta": -1}}, "beta is -1"),
        ({"training": {"speed": 1}}, r"no option training\.speed"),
        ({"num_train": 0}, "no pairs to train on"),
        ({"training": {"max_length": 16}}, "no pairs to train on"),
        ({"adapter": "runs/0099-dpo/adapter"}, r"has no manifest\.json"),
    ],
)
def test_run_that_cannot_work_is_refused_with_its_reason(
    make_run: MakeRun, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(TrainerError, match=reason):
        dpo.run(make_run(1, "dpo", **change))


def test_adapter_config_names_no_path_of_this_machine_for_the_starter(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", training={**FAST, "max_steps": 1})
    dpo.run(context)
    config = json.loads((context.folder / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == context.spec.base
