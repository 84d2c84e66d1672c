"""Which short ways each model family takes: a new transformers that no longer fits shows here."""

import sys
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, PreTrainedModel

from tests.trainer.tiny_families import FAMILIES
from trainer.kernels import fused_layers
from trainer.kernels.fused_layers import fuse_layers
from trainer.kernels.fused_lora import SIBLINGS, fuse_lora
from trainer.kernels.last_layer import LastLayer
from trainer.kernels.shared_prefix import supports

QKV, GATE_UP = SIBLINGS
ALONE = {"o_proj", "down_proj"}


@dataclass(frozen=True)
class Ways:
    """What of a family is computed here instead of by transformers and peft."""

    row: bool = True  # pairs in one row, attention by blocks
    last_layer: bool = True  # without the tokens that nothing is predicted from
    layers: frozenset[str] = frozenset()  # classes with a forward of ours
    rotation: bool = True
    adapters: frozenset[str] = frozenset({*QKV, *GATE_UP, *ALONE})  # LoRA layers with one of ours
    together: tuple[tuple[str, ...], ...] = SIBLINGS  # of these, those that read the same input


WAYS = {
    "llama": Ways(layers=frozenset({"LlamaRMSNorm", "LlamaMLP"})),
    "qwen2": Ways(layers=frozenset({"Qwen2RMSNorm", "Qwen2MLP"})),
    "qwen3": Ways(layers=frozenset({"Qwen3RMSNorm", "Qwen3MLP"})),
    "mistral": Ways(layers=frozenset({"MistralRMSNorm", "MistralMLP"})),
    # Its projections are one already, and it rotates a part of each head.
    "phi3": Ways(
        layers=frozenset({"Phi3RMSNorm"}),
        rotation=False,
        adapters=frozenset({"qkv_proj", "gate_up_proj", *ALONE}),
        together=(),
    ),
    # Its norm multiplies by 1 + weight, and its gate is GELU.
    "gemma3": Ways(),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_family_takes_its_short_ways(family: str) -> None:
    model = AutoModelForCausalLM.from_config(FAMILIES[family])
    row, last_layer = supports(model), LastLayer.of(model.base_model) is not None
    fuse_layers(model)
    found = Ways(
        row=row,
        last_layer=last_layer,
        layers=frozenset(type(module).__name__ for _, module in _replaced(model)),
        rotation=_rotation_of(model) is fused_layers._rotated,
        adapters=_adapters(model),
        together=tuple(
            names
            for names in SIBLINGS
            if any(all(hasattr(part, name) for name in names) for part in model.modules())
        ),
    )
    assert found == WAYS[family]


def _rotation_of(model: PreTrainedModel) -> Any:
    return sys.modules[type(model).__module__].apply_rotary_pos_emb


def _replaced(model: torch.nn.Module) -> list[tuple[str, torch.nn.Module]]:
    """Modules with a forward of their own, by their names in the model."""
    return [(name, part) for name, part in model.named_modules() if "forward" in vars(part)]


def _adapters(model: PreTrainedModel) -> frozenset[str]:
    tuned = get_peft_model(model, LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM"))
    before = {name for name, _ in _replaced(tuned)}
    fuse_lora(tuned)
    after = {name for name, _ in _replaced(tuned)}
    return frozenset(name.rpartition(".")[2] for name in after - before)
