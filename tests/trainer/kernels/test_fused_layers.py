"""Norms, rotary positions and gates on the short way give what transformers' own code gives."""

import copy
import sys

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    Phi3Config,
    PreTrainedModel,
    Qwen3Config,
)
from transformers.models.llama import modeling_llama

from trainer.kernels import fused_layers
from trainer.kernels.fused_layers import fuse_layers

SIZES = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
}
CLOSE = {"atol": 1e-6, "rtol": 1e-5}


@pytest.fixture(autouse=True)
def _usual_rotations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rotary positions are replaced in a module: each test begins and ends with its own."""
    for name, module in list(sys.modules.items()):
        if name.startswith("transformers.models.") and hasattr(module, "apply_rotary_pos_emb"):
            monkeypatch.setattr(module, "apply_rotary_pos_emb", module.apply_rotary_pos_emb)


def _model(config: object) -> PreTrainedModel:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)
    for name, weight in model.named_parameters():
        if "norm" in name:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    return model


def _num_fused(model: PreTrainedModel) -> int:
    return sum("forward" in vars(module) for module in model.modules())


@pytest.mark.parametrize(
    "config", [LlamaConfig(**SIZES), Qwen3Config(**SIZES, head_dim=8), Phi3Config(**SIZES)]
)
def test_logits_and_gradients_are_transformers_own(config: object) -> None:
    usual = _model(config)
    fused = copy.deepcopy(usual)
    states = torch.randn(1, 9, 32)
    found = []
    for model in (usual, fused):
        if model is fused:
            fuse_layers(fused)
        embedded = states.clone().requires_grad_()
        logits = model(inputs_embeds=embedded).logits
        (logits * torch.linspace(-1, 1, logits.numel()).view_as(logits)).sum().backward()
        found.append((logits.detach(), embedded.grad))
    assert _num_fused(fused) >= 5
    for expected, given in zip(*found, strict=True):
        torch.testing.assert_close(given, expected, **CLOSE)


def test_rotation_is_replaced_where_the_code_is_llamas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modeling_llama, "apply_rotary_pos_emb", fused_layers._usual_rotation)
    fuse_layers(_model(LlamaConfig(**SIZES)))
    fuse_layers(_model(Phi3Config(**SIZES)))  # rotates a part of each head
    assert modeling_llama.apply_rotary_pos_emb is fused_layers._rotated
    phi3 = sys.modules["transformers.models.phi3.modeling_phi3"]
    assert phi3.apply_rotary_pos_emb is not fused_layers._rotated


def test_gate_that_is_silu_alone_is_replaced() -> None:
    for activation, is_fused in (("silu", True), ("gelu", False)):
        model = _model(LlamaConfig(**SIZES, hidden_act=activation))
        fuse_layers(model)
        assert ("forward" in vars(model.model.layers[0].mlp)) is is_fused


def test_norm_of_another_kind_stays_as_it_is() -> None:
    model = _model(Gemma3TextConfig(**SIZES, head_dim=8))
    fuse_layers(model)
    assert _num_fused(model) == 0


def test_norm_that_is_trained_gets_its_gradient() -> None:
    model = _model(LlamaConfig(**SIZES))
    model.model.norm.weight.requires_grad_(True)
    fuse_layers(model)
    model(torch.tensor([[3, 4, 5]])).logits.sum().backward()
    assert model.model.norm.weight.grad.abs().sum() > 0


def test_bfloat16_norm_rounds_as_transformers_own() -> None:
    norm = modeling_llama.LlamaRMSNorm(64).bfloat16().requires_grad_(False)
    x = torch.randn(20, 64, dtype=torch.bfloat16)
    expected = norm(x)
    torch.testing.assert_close(fused_layers._normed(norm, x), expected, atol=1e-2, rtol=1e-2)
