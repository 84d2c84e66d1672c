"""A linear layer with its LoRA adapter as one step forward and one back.

peft adds the adapter's part with products, a scaling and a sum of their own, each over all tokens,
and keeps what each of them needs. For y = x Wᵀ + s (x Aᵀ) Bᵀ (Hu et al., arXiv:2106.09685, equation
3) only x and x Aᵀ have to be kept, and the sums are left to the products that make them.
"""

import functools
import types
from typing import Any

import torch
from peft.tuners.lora import Linear


def fuse_lora(model: torch.nn.Module) -> None:
    """Let the LoRA layers of `model` that a person trains take the short way wherever they can."""
    for module in model.modules():
        if isinstance(module, Linear) and type(module.base_layer) is torch.nn.Linear:
            module.forward = types.MethodType(_forward(module.forward), module)


def _forward(usual: Any) -> Any:
    @functools.wraps(usual)
    def forward(self: Linear, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        name = _plain_adapter(self)
        if name is None or args or kwargs or self.base_layer.weight.requires_grad:
            return usual(x, *args, **kwargs)
        weights = self.lora_A[name].weight, self.lora_B[name].weight
        frozen = self.base_layer, self.scaling[name]
        return _LoraLinear.apply(x.to(_dtype(x)), *weights, frozen)

    return forward


def _plain_adapter(layer: Linear) -> str | None:
    """The one adapter in use, if it is LoRA as published and without dropout."""
    if layer.disable_adapters or layer.merged or len(layer.active_adapters) != 1:
        return None
    (name,) = layer.active_adapters
    if name not in layer.lora_A or name in layer.lora_variant:
        return None
    dropout = layer.lora_dropout[name]
    drops = layer.training and isinstance(dropout, torch.nn.Dropout) and dropout.p > 0
    return None if drops or layer.lora_bias[name] else name


def _dtype(x: torch.Tensor) -> torch.dtype:
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


class _LoraLinear(torch.autograd.Function):
    """Gradients for the input, A and B; the base layer is frozen."""

    @staticmethod
    def forward(ctx, x, a, b, frozen):  # type: ignore[no-untyped-def]
        """Shapes: x (..., in), a (r, in), b (out, r); `frozen`: base layer and scaling."""
        layer, ctx.scaling = frozen
        rows = x.reshape(-1, x.shape[-1])
        weight = layer.weight.to(x.dtype)
        bias = None if layer.bias is None else layer.bias.to(x.dtype)
        narrow, wide = a.to(x.dtype), (b * ctx.scaling).to(x.dtype)
        inner = rows @ narrow.T
        result = torch.nn.functional.linear(rows, weight, bias).addmm_(inner, wide.T)
        ctx.save_for_backward(rows, inner, weight, a, b)
        return result.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        """Chain rule; what comes in has the shape of the layer's output."""
        rows, inner, weight, a, b = ctx.saved_tensors
        narrow, wide = a.to(rows.dtype), (b * ctx.scaling).to(rows.dtype)
        outer = gradient.reshape(-1, gradient.shape[-1]).to(rows.dtype)
        of_inner = outer @ wide
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = (outer @ weight).addmm_(of_inner, narrow)
            of_x = of_x.view(*gradient.shape[:-1], -1)
        of_a = (of_inner.T @ rows).to(a.dtype)
        of_b = (outer.T @ inner).to(b.dtype).mul_(ctx.scaling)
        return of_x, of_a, of_b, None
