"""What is used of transformers' models beyond what they promise; of its Trainer see `trl`."""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from transformers import PreTrainedModel
from transformers.activations import SiLUActivation
from transformers.models.llama import modeling_llama

usual_rotation = modeling_llama.apply_rotary_pos_emb


def is_llamas_norm(module: torch.nn.Module) -> bool:
    """Whether a layer does what Llama's RMSNorm does."""
    return _is_same(type(module).forward, modeling_llama.LlamaRMSNorm.forward)


def is_llamas_silu_gate(module: torch.nn.Module) -> bool:
    """Whether a layer does what Llama's feed-forward part does, with SiLU."""
    if not _is_same(type(module).forward, modeling_llama.LlamaMLP.forward):
        return False
    return isinstance(module.act_fn, torch.nn.SiLU | SiLUActivation)


def replace_rotation(module: torch.nn.Module, rotation: Callable[..., Any]) -> None:
    """Let the file that defines a layer turn queries and keys by `rotation`, if it does as Llama's.

    Attention looks the function up there, so this holds for the whole process.
    """
    its_file = vars(sys.modules[type(module).__module__])
    if _is_same(its_file.get("apply_rotary_pos_emb"), usual_rotation):
        its_file["apply_rotary_pos_emb"] = rotation


def _is_same(one: Any, other: Any) -> bool:
    """Whether two functions have the same code, which transformers repeats for each family."""
    codes = [getattr(function, "__code__", None) for function in (one, other)]
    steps = {(code.co_code, code.co_names) for code in codes if code is not None}
    return None not in codes and len(steps) == 1


class DecoderLayer(NamedTuple):
    """The parts of a decoder layer of the usual build: norm, attention, and all else after it."""

    layer: torch.nn.Module
    norm: torch.nn.Module  # before attention, beside the residual
    attention_output: torch.nn.Module  # the projection of what attention has mixed

    def is_computed_again(self) -> bool:
        """Whether gradient checkpointing calls it a second time, on the way back."""
        layer = self.layer
        return layer.training and bool(getattr(layer, "gradient_checkpointing", False))


def last_decoder_layer(model: torch.nn.Module) -> DecoderLayer | None:
    """The last layer of a model without its head, or None where it is built otherwise."""
    layers: Any = getattr(model, "layers", None)
    try:
        layer = layers[-1]
        norm, output = map(layer.get_submodule, ("input_layernorm", "self_attn.o_proj"))
    except (AttributeError, TypeError):
        return None
    return DecoderLayer(layer, norm, output)


def can_exchange_attention(model: PreTrainedModel) -> bool:
    """Whether a model's attention goes through AttentionInterface, by its author's word."""
    return bool(getattr(model, "_supports_attention_backend", False))


def set_attention(model: PreTrainedModel, name: str) -> str:
    """Let a model's attention be the one of that name; returns the name of the one before.

    Nothing public says which is in use, and `set_attn_implementation` walks over all modules.
    """
    before: str = model.config._attn_implementation
    model.config._attn_implementation = name
    return before
