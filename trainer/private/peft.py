"""What is used of peft beyond what it promises."""

from typing import Any, NamedTuple

import torch
from peft.tuners.lora import Linear, Linear4bit, LoraLayer


class LowRank(NamedTuple):
    """An adapter of one layer: y = W x + scaling * B (A x)."""

    a: torch.Tensor  # (r, in)
    b: torch.Tensor  # (out, r)
    scaling: float


def frozen_layer(layer: Any) -> torch.nn.Module | None:
    """What lies under a LoRA layer, plain or in 4 bits; None for any other layer.

    Only of these two kinds peft's forward is what `trainer.kernels.fused_lora` computes.
    """
    return layer.base_layer if isinstance(layer, Linear | Linear4bit) else None


def plain_adapter(layer: LoraLayer) -> LowRank | None:
    """The one adapter in use, if it is LoRA as published and without dropout; else None.

    peft has no question for that: its forward asks the same, one after the other.
    """
    if layer.disable_adapters or layer.merged or len(layer.active_adapters) != 1:
        return None
    (name,) = layer.active_adapters
    if name not in layer.lora_A or name in layer.lora_variant or layer.lora_bias[name]:
        return None
    dropout = layer.lora_dropout[name]
    if layer.training and isinstance(dropout, torch.nn.Dropout) and dropout.p > 0:
        return None
    return LowRank(layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name])


def compute_in_type_of_base(model: torch.nn.Module) -> None:
    """Keep LoRA layers from casting inputs to the adapter's float32: autocast casts them back."""
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module.cast_input_dtype_enabled = False


def drop_nothing(model: torch.nn.Module, adapter: str) -> None:
    """Switch the dropout of one adapter off, which peft keeps under a name of its own."""
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Dropout) and name.endswith(f"lora_dropout.{adapter}"):
            module.p = 0.0
