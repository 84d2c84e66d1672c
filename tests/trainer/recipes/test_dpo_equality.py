"""A run with shared prefixes and stored references is TRL's own run, step for step."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.conftest import MakeRun
from trainer.models import loading
from trainer.recipes import dpo, training
from trainer.recipes.policy import load_policy
from trainer.runs.context import RunContext
from trainer.runs.event_log import read_events

pytestmark = pytest.mark.slow

MAX_LENGTH = 200
NUM_STEPS = 20
LOSSES = {
    "sigmoid": {},
    "ipo": {},
    "robust": {"label_smoothing": 0.1},
    "apo_zero": {},
    "sigmoid+sft": {},
}
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _rows() -> list[dict[str, Any]]:
    """Prompts of different lengths, of one to five turns; the answer of one pair is cut."""
    rows = []
    for number in range(12):
        prompt = [_message("user", f"Count to {number}" + ", slowly" * (number % 5) + ".")]
        for turn in range(number % 3):
            prompt += [_message("assistant", "So far: 0"), _message("user", f"And then {turn}?")]
        chosen = _message("assistant", " ".join(map(str, range(number + 1))))
        rejected = _message("assistant", "No." if number % 2 else f"I know {number} only.")
        rows.append({"prompt": prompt, "chosen": [chosen], "rejected": [rejected]})
    rows[4]["chosen"] = [_message("assistant", "one, two " * 30)]
    return rows


def _train(make_run: MakeRun, run_id: int, **options: Any) -> RunContext:
    common = {
        "learning_rate": 1e-3,
        "num_train_epochs": 10.0,
        "max_steps": NUM_STEPS,
        "eval_steps": NUM_STEPS,
        "max_length": MAX_LENGTH,
    }
    context = make_run(run_id, "dpo", training={**common, **options})
    rows = _rows()
    for name, part in (("train.jsonl", rows[:10]), ("heldout.jsonl", rows[10:])):
        (context.folder / name).write_text("".join(json.dumps(row) + "\n" for row in part))
    dpo.run(context)
    return context


def _curves(folder: Path) -> dict[str, list[float]]:
    curves: dict[str, list[float]] = {}
    for event in read_events(folder, 0)[0]:
        if event["type"] == "metrics":
            for name, value in event["values"].items():
                curves.setdefault(name, []).append(value)
    return curves


@pytest.mark.parametrize("loss", LOSSES)
def test_twenty_steps_give_trls_own_curves_and_adapter(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    monkeypatch.setattr(loading, "pick_dtype", lambda device: torch.float32)
    options = {"loss_type": loss, **LOSSES[loss]}
    ours = _train(make_run, 1, **options)
    monkeypatch.setattr(dpo, "supports", lambda model: False)
    theirs = _train(make_run, 2, precompute_ref_log_probs=False, **options)

    found, expected = _curves(ours.folder), _curves(theirs.folder)
    assert found.keys() == expected.keys()
    assert len(found["loss"]) == NUM_STEPS
    assert found["loss"][-1] < found["loss"][0]
    assert {"eval_loss", "rewards/chosen", "rewards/rejected", "logps/chosen"} <= found.keys()
    for name in found.keys() - {"num_tokens"}:
        assert found[name] == pytest.approx(expected[name], abs=1e-5, rel=1e-5), name

    weights, of_trl = (
        load_file(run.folder / "adapter" / loading.WEIGHTS) for run in (ours, theirs)
    )
    torch.testing.assert_close(weights, of_trl, **CLOSE)
    warnings = [e for e in read_events(ours.folder, 0)[0] if e["type"] == "warning"]
    assert "1 are cut" in warnings[0]["message"]


def test_gradients_on_a_four_bit_base_are_the_same_after_a_pass_without_gradients(
    make_run: MakeRun,
) -> None:
    context = make_run(1, "dpo", training={"eval_steps": 0}, quantization={})
    setup = training.prepare(context)
    model, lora = load_policy(context, setup.options)
    trainer = dpo.PairTrainer(
        model=model,
        args=dpo.DPOConfig(**training.trainer_arguments(setup)),
        **training.datasets(setup, asdict),
        processing_class=setup.tokenizer,
        peft_config=lora,
    )
    batch = trainer._prepare_inputs(next(iter(trainer.get_train_dataloader())))
    before = _gradients(trainer, batch)
    assert all(gradient.abs().max() > 0 for gradient in before.values())
    trainer.model.eval()
    trainer.compute_ref_log_probs(trainer.model, batch)
    trainer.model.train()
    torch.testing.assert_close(_gradients(trainer, batch), before)


def _gradients(trainer: dpo.PairTrainer, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
    trainer.model.zero_grad()
    with trainer.compute_loss_context_manager():
        trainer.compute_loss(trainer.model, batch).backward()
    return {
        name: weight.grad.clone()
        for name, weight in trainer.model.named_parameters()
        if "lora_B" in name
    }
