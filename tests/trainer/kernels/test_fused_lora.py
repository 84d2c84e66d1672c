"""The short way through a LoRA layer gives what peft's own forward and autograd give."""

import copy

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from peft import LoraConfig, PeftModel, get_peft_model

from trainer.kernels.fused_lora import fuse_lora

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


class TwoLayers(torch.nn.Module):
    """One layer with a bias and one without, as models have them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(6, 10)
        self.second = torch.nn.Linear(10, 4, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.tanh(self.first(x)))


def _went_the_short_way(result: torch.Tensor) -> bool:
    """Whether a layer's result is made by one step of ours, and not by peft's several."""
    return type(result.grad_fn).__name__ == "_LoraLinearsBackward"


def _model(**lora: object) -> PeftModel:
    torch.manual_seed(0)
    config = LoraConfig(r=3, lora_alpha=7, target_modules=["first", "second"], **lora)
    model = get_peft_model(TwoLayers(), config)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    return model


def _values_and_gradients(model: PeftModel, x: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    x = x.clone().requires_grad_()
    result = model(x)
    (result**2).sum().backward()
    gradients = {n: w.grad.clone() for n, w in model.named_parameters() if w.requires_grad}
    return {"result": result.detach(), "x": x.grad, **gradients}


def test_values_and_gradients_are_pefts_own() -> None:
    model = _model().double()  # in which another order of sums makes no difference
    fused = copy.deepcopy(model)
    fuse_lora(fused)
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    expected = _values_and_gradients(model, x)
    assert len(expected) == 6
    torch.testing.assert_close(_values_and_gradients(fused, x), expected, atol=1e-12, rtol=1e-12)


def test_bfloat16_rounds_no_more_than_pefts_own_forward() -> None:
    model = _model()
    fused = copy.deepcopy(model)
    fuse_lora(fused)
    x = torch.randn(50, 6)
    exact = _values_and_gradients(model, x)
    with torch.autocast("cpu", torch.bfloat16):
        found, theirs = _values_and_gradients(fused, x), _values_and_gradients(model, x)
    assert found["result"].dtype is torch.bfloat16
    for name, value in exact.items():
        size = value.norm()
        assert (found[name] - value).norm() < 0.05 * size
        assert (theirs[name] - value).norm() < 0.05 * size


@pytest.mark.parametrize("case", ["plain", "disabled", "dropout", "dora"])
def test_only_plain_lora_goes_the_short_way(case: str) -> None:
    model = _model(use_dora=case == "dora", lora_dropout=0.5 if case == "dropout" else 0.0)
    usual = copy.deepcopy(model)
    fuse_lora(model)
    x = torch.randn(3, 6)
    if case == "disabled":
        with model.disable_adapter(), usual.disable_adapter():
            found = model(x)
            torch.testing.assert_close(found, usual(x))
    else:
        torch.manual_seed(1)
        found = model(x)
        torch.manual_seed(1)
        torch.testing.assert_close(found, usual(x))
    assert _went_the_short_way(found) == (case == "plain")


class Attention(torch.nn.Module):
    """Three layers that read the same input, under the names that make them one group."""

    def __init__(self) -> None:
        super().__init__()
        self.q_proj = torch.nn.Linear(6, 8)
        self.k_proj = torch.nn.Linear(6, 4, bias=False)
        self.v_proj = torch.nn.Linear(6, 4)

    def forward(self, x: torch.Tensor, of_keys: torch.Tensor | None = None) -> torch.Tensor:
        keys = self.k_proj(x if of_keys is None else of_keys)
        return torch.cat([self.q_proj(x), keys * self.v_proj(x)], dim=-1)


@pytest.mark.parametrize("case", ["same input", "another input for the keys", "twice"])
def test_layers_that_read_the_same_input_give_pefts_values(case: str) -> None:
    torch.manual_seed(0)
    config = LoraConfig(r=3, lora_alpha=7, target_modules=["q_proj", "k_proj", "v_proj"])
    usual = get_peft_model(Attention(), config)
    for name, weight in usual.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    fused = copy.deepcopy(usual)
    fuse_lora(fused)
    x, other = torch.randn(2, 5, 6), torch.randn(2, 5, 6)
    found = []
    for model in (usual, fused):
        given = x.clone().requires_grad_()
        results = [model(given, other if "another" in case else None)]
        if case == "twice":
            results.append(model(given))
        sum((result**2).sum() for result in results).backward()
        weights = [weight.grad for weight in model.parameters() if weight.requires_grad]
        found.append([results[-1].detach(), given.grad, *weights])
    for expected, value in zip(*found, strict=True):
        torch.testing.assert_close(value, expected, atol=1e-5, rtol=1e-5)


def test_layers_that_read_the_same_input_are_computed_together() -> None:
    model = get_peft_model(Attention(), LoraConfig(target_modules=["q_proj", "k_proj", "v_proj"]))
    fuse_lora(model)
    layers, x = model.get_base_model(), torch.randn(3, 6)
    query, key, value = layers.q_proj(x), layers.k_proj(x), layers.v_proj(x)
    assert _went_the_short_way(query)
    assert query.grad_fn is key.grad_fn is value.grad_fn


class FourBit(torch.nn.Module):
    """A gate with its sibling and one layer alone, whose frozen weights lie in 4 bits."""

    is_loaded_in_4bit = True  # as transformers says it

    def __init__(self, computes_in: torch.dtype) -> None:
        super().__init__()
        how = {"bias": False, "compute_dtype": computes_in, "quant_type": "nf4"}
        self.gate_proj = Linear4bit(64, 96, **how)
        self.up_proj = Linear4bit(64, 96, **how)
        self.down_proj = Linear4bit(96, 64, **how)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down_proj(torch.tanh(self.gate_proj(x)) * self.up_proj(x))


@pytest.mark.parametrize("computes_in", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("device", DEVICES)
def test_a_base_in_4_bits_gives_pefts_values(device: str, computes_in: torch.dtype) -> None:
    torch.manual_seed(0)
    config = LoraConfig(r=3, lora_alpha=7, target_modules="all-linear")
    base = FourBit(computes_in).to(torch.bfloat16).to(device)
    usual = get_peft_model(base, config)
    for name, weight in usual.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    fused = copy.deepcopy(usual)
    fuse_lora(fused)
    x = torch.randn(2, 5, 64, device=device)
    with torch.autocast(device, torch.bfloat16):
        expected, found = _values_and_gradients(usual, x), _values_and_gradients(fused, x)
        assert _went_the_short_way(fused(x)) is (computes_in is torch.bfloat16)
    for name, value in expected.items():
        assert (found[name] - value).norm() <= 0.02 * value.norm(), name
