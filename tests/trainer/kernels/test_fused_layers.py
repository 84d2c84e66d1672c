"""Norms, rotary positions and gates on the short way give what transformers' own code gives."""

import copy

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel
from transformers.models.llama import modeling_llama

from tests.trainer.tiny_families import FAMILIES, SIZES
from trainer.kernels import fused_layers
from trainer.kernels.fused_layers import fuse_layers

CLOSE = {"atol": 1e-6, "rtol": 1e-5}


def _model(config: object) -> PreTrainedModel:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)
    for name, weight in model.named_parameters():
        if "norm" in name:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    return model


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_and_gradients_are_transformers_own(family: str) -> None:
    usual = _model(FAMILIES[family])
    fused = copy.deepcopy(usual)
    states = torch.randn(1, 9, SIZES["hidden_size"])
    found = []
    for model in (usual, fused):
        if model is fused:
            fuse_layers(fused)
        embedded = states.clone().requires_grad_()
        logits = model(inputs_embeds=embedded).logits
        (logits * torch.linspace(-1, 1, logits.numel()).view_as(logits)).sum().backward()
        found.append((logits.detach(), embedded.grad))
    for expected, given in zip(*found, strict=True):
        torch.testing.assert_close(given, expected, **CLOSE)


def test_gate_that_is_silu_alone_is_replaced() -> None:
    for activation, is_fused in (("silu", True), ("gelu", False)):
        model = _model(LlamaConfig(**SIZES, hidden_act=activation))
        fuse_layers(model)
        assert ("forward" in vars(model.model.layers[0].mlp)) is is_fused


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
