"""Ways to need less memory change neither the base nor what is learnt."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.autograd.graph import saved_tensors_hooks

from tests.trainer.conftest import MakeRun
from trainer.models import loading
from trainer.recipes import dpo, training
from trainer.runs.event_log import read_events

pytestmark = pytest.mark.slow

OPTIONS = {"learning_rate": 3e-3, "eval_steps": 0, "warmup_steps": 0}


def _curve(folder: Path, name: str) -> list[float]:
    events, _ = read_events(folder, 0)
    return [e["values"][name] for e in events if name in e.get("values", {})]


def _frozen(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Every frozen weight and, of those in 4 bits, all that is needed to read them."""
    kept = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            continue
        kept[name] = weight.detach().clone()
        state = getattr(weight, "quant_state", None)
        for part, value in (state.as_dict() if state is not None else {}).items():
            if isinstance(value, torch.Tensor):
                kept[f"{name}.{part}"] = value.clone()
    return kept


def test_twenty_steps_on_a_four_bit_base_learn_and_leave_every_bit_of_it(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen: list[dict[str, torch.Tensor]] = []
    carry_out: Callable[..., dict[str, Any]] = training.carry_out

    def watched(trainer: Any, *args: Any) -> dict[str, Any]:
        frozen.append(_frozen(trainer.model))
        summary = carry_out(trainer, *args)
        frozen.append(_frozen(trainer.model))
        return summary

    monkeypatch.setattr(training, "carry_out", watched)
    context = make_run(
        1, "dpo", training={**OPTIONS, "max_steps": 20}, stopping=None, quantization={}
    )
    assert dpo.run(context)["steps"] == 20

    losses = _curve(context.folder, "loss")
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
    before, after = frozen
    packed = [name for name, weight in before.items() if weight.dtype is torch.uint8]
    assert sum("proj" in name for name in packed) >= 14  # 7 in each of two layers
    assert any(name.endswith(".nested_absmax") for name in before)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_gradient_checkpointing_keeps_less_and_learns_the_same_with_shared_prefixes(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "pick_dtype", lambda device: torch.float32)
    kept: list[int] = []  # bytes that the forward pass of each step keeps for the way back
    usual = dpo.PairTrainer.compute_loss

    def watched(self: dpo.PairTrainer, *args: Any, **kwargs: Any) -> Any:
        sizes: list[int] = []
        with saved_tensors_hooks(lambda part: sizes.append(part.nbytes) or part, lambda part: part):
            loss = usual(self, *args, **kwargs)
        kept.append(sum(sizes))
        return loss

    monkeypatch.setattr(dpo.PairTrainer, "compute_loss", watched)
    folders = []
    for run_id, checkpointing in enumerate((False, True), start=1):
        options = {**OPTIONS, "max_steps": 4, "gradient_checkpointing": checkpointing}
        context = make_run(run_id, "dpo", training=options)
        dpo.run(context)
        folders.append(context.folder)

    usually, checkpointed = kept[0], kept[len(kept) // 2]
    assert checkpointed < 0.3 * usually
    for name in ("loss", "grad_norm", "rewards/margins"):
        found, expected = (_curve(folder, name) for folder in folders)
        assert found == pytest.approx(expected, abs=1e-6), name
    torch.testing.assert_close(
        *(load_file(folder / "adapter" / loading.WEIGHTS) for folder in folders),
        atol=1e-6, rtol=1e-5,
    )  # fmt: skip
