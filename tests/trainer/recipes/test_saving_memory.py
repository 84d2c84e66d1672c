"""Ways to need less memory change neither the base nor what is learnt."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers.models.llama.modeling_llama import LlamaAttention

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


def test_gradient_checkpointing_learns_the_same_with_shared_prefixes(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "pick_dtype", lambda device: torch.float32)
    calls = [0]
    usual = LlamaAttention.forward

    def counted(self: LlamaAttention, *args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        return usual(self, *args, **kwargs)

    monkeypatch.setattr(LlamaAttention, "forward", counted)
    num_calls, folders = [], []
    for run_id, checkpointing in enumerate((False, True), start=1):
        options = {**OPTIONS, "max_steps": 4, "gradient_checkpointing": checkpointing}
        context = make_run(run_id, "dpo", training=options)
        calls[0] = 0
        dpo.run(context)
        num_calls.append(calls[0])
        folders.append(context.folder)

    # The first run also computes the references of 10 pairs in one batch.
    assert num_calls == [2 * (4 + 1 + 1), 2 * (2 * 4 + 1)]
    for name in ("loss", "grad_norm", "rewards/margins"):
        found, expected = (_curve(folder, name) for folder in folders)
        assert found == pytest.approx(expected, abs=1e-6), name
    torch.testing.assert_close(
        *(load_file(folder / "adapter" / loading.WEIGHTS) for folder in folders),
        atol=1e-6, rtol=1e-5,
    )  # fmt: skip
