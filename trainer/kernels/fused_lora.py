"""Linear layers with their LoRA adapters as one step forward and one back.

peft adds the adapter's part with products, a scaling and a sum of their own, each over all tokens,
and keeps what each of them needs. For y = x Wᵀ + s (x Aᵀ) Bᵀ (Hu et al., arXiv:2106.09685, equation
3) only x and x Aᵀ have to be kept, and the sums are left to the products that make them. Layers
that read the same x share the narrow products and the sum of its gradients. A W in 4 bits is
unpacked for each product, as bitsandbytes does it too (Dettmers et al., arXiv:2305.14314).
"""

import functools
import types
from collections.abc import Sequence
from typing import Any

import torch
from bitsandbytes.nn import Linear4bit

from trainer.private.bitsandbytes import unpacked_weight
from trainer.private.peft import LowRank, frozen_layer, plain_adapter

# Layers of one module that read the same input, by transformers' names.
SIBLINGS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


def fuse_lora(model: torch.nn.Module) -> None:
    """Let the LoRA layers of `model` that a person trains take the short way wherever they can."""
    families: list[list[Any]] = [
        [getattr(parent, name, None) for name in names]
        for parent in model.modules()
        for names in SIBLINGS
    ]
    groups = [layers for layers in families if all(map(_can_be_fused, layers))]
    in_a_group = {layer for layers in groups for layer in layers}
    groups += [
        [layer] for layer in model.modules() if _can_be_fused(layer) and layer not in in_a_group
    ]
    for layers in groups:
        group = _Group(layers)
        for index, layer in enumerate(layers):
            layer.forward = types.MethodType(_forward(layer.forward, group, index), layer)


def _can_be_fused(layer: Any) -> bool:
    return type(frozen_layer(layer)) in (torch.nn.Linear, Linear4bit)


def _forward(usual: Any, group: "_Group", index: int) -> Any:
    @functools.wraps(usual)
    def forward(_: torch.nn.Module, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        result = None if args or kwargs else group.result(index, x)
        return usual(x, *args, **kwargs) if result is None else result

    return forward


class _Group:
    """Layers that read the same input: the first that is asked computes for all of them."""

    def __init__(self, layers: Sequence[Any]) -> None:
        self._layers = layers
        self._x: torch.Tensor | None = None
        self._results: dict[int, torch.Tensor] = {}  # not asked for yet

    def result(self, index: int, x: torch.Tensor) -> torch.Tensor | None:
        """What one of the layers makes of x; None when it cannot take the short way."""
        if self._x is not x or index not in self._results:
            found = [_adapter(layer, _dtype(x)) for layer in self._layers]
            adapters = [adapter for adapter in found if adapter is not None]
            if len(adapters) < len(self._layers):
                return None
            self._x, self._results = x, dict(enumerate(_fused(self._layers, adapters, x)))
        result = self._results.pop(index)
        if not self._results:
            self._x = None
        return result


def _adapter(layer: Any, dtype: torch.dtype) -> LowRank | None:
    """The one plain adapter on a frozen layer, or None.

    `dtype` is what is computed in here; a layer in 4 bits may have been set to another.
    """
    frozen = layer.base_layer
    computes_otherwise = isinstance(frozen, Linear4bit) and frozen.compute_dtype is not dtype
    return None if computes_otherwise or frozen.weight.requires_grad else plain_adapter(layer)


def _weight(layer: Any, dtype: torch.dtype) -> torch.Tensor:
    """W of a frozen layer, (out, in)."""
    if isinstance(layer, Linear4bit):
        return unpacked_weight(layer, dtype)
    weight: torch.Tensor = layer.weight.to(dtype)
    return weight


def _fused(
    layers: Sequence[Any], adapters: Sequence[LowRank], x: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    frozen = [
        (layer.base_layer, adapter.scaling) for layer, adapter in zip(layers, adapters, strict=True)
    ]
    matrices = [matrix for adapter in adapters for matrix in (adapter.a, adapter.b)]
    results: tuple[torch.Tensor, ...] = _LoraLinears.apply(x.to(_dtype(x)), frozen, *matrices)
    return results


def _dtype(x: torch.Tensor) -> torch.dtype:
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


class _LoraLinears(torch.autograd.Function):
    """Gradients for the input and each layer's A and B; the base layers are frozen."""

    @staticmethod
    def forward(ctx, x, frozen, *matrices):  # type: ignore[no-untyped-def]
        """Return what each layer gives, (..., out).

        Shapes: x (..., in), `frozen` a base layer and its scaling for each, `matrices` A (r, in)
        and B (out, r) of the first layer, then of the next.
        """
        rows = x.reshape(-1, x.shape[-1])
        narrows, wides = matrices[::2], matrices[1::2]
        scaled = [a * scaling for a, (_, scaling) in zip(narrows, frozen, strict=True)]
        stacked = torch.cat(scaled).to(x.dtype)  # of all layers, as the columns of `inner` are
        inner = rows @ stacked.T
        parts = inner.split([len(a) for a in narrows], dim=1)
        results = []
        for (layer, _), b, part in zip(frozen, wides, parts, strict=True):
            wide = b.to(x.dtype).T
            # First the small product: the large one is faster into memory that is at hand.
            result = part @ wide if layer.bias is None else layer.bias.to(x.dtype).addmm(part, wide)
            result.addmm_(rows, _weight(layer, x.dtype).T)
            results.append(result.view(*x.shape[:-1], -1))
        ctx.frozen, ctx.shape = frozen, x.shape
        ctx.save_for_backward(rows, inner, stacked, *matrices)
        return tuple(results)

    @staticmethod
    def backward(ctx, *gradients):  # type: ignore[no-untyped-def]
        """Chain rule; what comes in has the shapes of the layers' outputs."""
        rows, inner, stacked, *matrices = ctx.saved_tensors
        narrows, wides = matrices[::2], matrices[1::2]
        ranks = [len(a) for a in narrows]
        outers = [grad.reshape(-1, grad.shape[-1]).to(rows.dtype) for grad in gradients]
        of_inner = torch.empty_like(inner)
        of_wides = []
        for b, outer, part, of_part in zip(
            wides, outers, inner.split(ranks, dim=1), of_inner.split(ranks, dim=1), strict=True
        ):
            torch.mm(outer, b.to(rows.dtype), out=of_part)
            of_wides.append((part.T @ outer).T.to(b.dtype))
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = of_inner @ stacked
            for (layer, _), outer in zip(ctx.frozen, outers, strict=True):
                of_x.addmm_(outer, _weight(layer, rows.dtype))
            of_x = of_x.view(ctx.shape)
        # Both small products have the long side of what they read behind them, which is faster.
        of_narrows = (of_inner.T @ rows).to(narrows[0].dtype).split(ranks)
        for of_narrow, (_, scaling) in zip(of_narrows, ctx.frozen, strict=True):
            of_narrow.mul_(scaling)
        pairs = zip(of_narrows, of_wides, strict=True)
        return of_x, None, *(matrix for pair in pairs for matrix in pair)
