"""RMSNorm, rotary positions and gates as one step forward and one back each.

Between a model's large products, plain code goes over all tokens many times: once an operation
forward, and more often back. These need few of those passes. They replace transformers' code
only where that is, instruction by instruction, what they compute.
"""

import types
from typing import Any

import torch
from transformers import PreTrainedModel

from trainer.private.torch import silu_backward_
from trainer.private.transformers import (
    is_llamas_norm,
    is_llamas_silu_gate,
    replace_rotation,
    usual_rotation,
)


def fuse_layers(model: PreTrainedModel) -> None:
    """Let norms, rotary positions and gates of a loaded model take the short way if they can.

    Rotary positions are a function of the model's module, so they change for the whole process.
    """
    for module in model.modules():
        if is_llamas_norm(module):
            module.forward = types.MethodType(_normed, module)
        if is_llamas_silu_gate(module):
            module.forward = types.MethodType(_gated, module)
        replace_rotation(module, _rotated)


def _normed(self: Any, hidden_states: torch.Tensor) -> torch.Tensor:
    """The forward pass of a norm layer."""
    if self.weight.requires_grad or self.weight.dtype != hidden_states.dtype:
        return type(self).forward(self, hidden_states)
    return _RmsNorm.apply(hidden_states, self.weight, self.variance_epsilon)


class _RmsNorm(torch.autograd.Function):
    """x / sqrt(mean(x²) + eps) * w in float32 (Zhang, Sennrich, arXiv:1910.07467, equation 4)."""

    @staticmethod
    def forward(ctx, x, weight, eps):  # type: ignore[no-untyped-def]
        """Shapes: x (..., H), weight (H,)."""
        wide = x.float()
        squares = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_()
        scale = squares.div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (wide * scale).to(x.dtype).mul_(weight)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        """Chain rule for x; with g = gradient * w and s = scale: s g - x s³ (g · x) / H."""
        x, weight, scale = ctx.saved_tensors
        wide = x.float()
        of_normed = (gradient * weight).float()
        share = torch.linalg.vecdot(of_normed, wide)[..., None].div_(-x.shape[-1])
        of_x = of_normed.mul_(scale).addcmul_(wide, share.mul_(scale.pow(3)))
        return of_x.to(x.dtype), None, None


def _gated(self: Any, x: torch.Tensor) -> torch.Tensor:
    """The forward pass of a feed-forward layer."""
    return self.down_proj(_GatedProduct.apply(self.gate_proj(x), self.up_proj(x)))


class _GatedProduct(torch.autograd.Function):
    """silu(g) * u, elementwise (Shazeer, arXiv:2002.05202, equation 5)."""

    @staticmethod
    def forward(ctx, gate, up):  # type: ignore[no-untyped-def]
        """Shapes: both (..., I). silu(g) is not kept: making it again is as fast as reading it."""
        ctx.save_for_backward(gate, up)
        return torch.nn.functional.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        """Chain rule for g and u."""
        gate, up = ctx.saved_tensors
        of_up = torch.nn.functional.silu(gate).mul_(gradient)
        return silu_backward_(gradient * up, gate), of_up


def _rotated(
    q: torch.Tensor, k: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, unsqueeze_dim: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Queries and keys (..., S, dim) turned by their positions; cos and sin are (..., S, dim)."""
    if len({part.dtype for part in (q, k, cos, sin)}) > 1:
        return usual_rotation(q, k, cos, sin, unsqueeze_dim)
    angle = cos.unsqueeze(unsqueeze_dim), sin.unsqueeze(unsqueeze_dim)
    return _Rotation.apply(q, *angle), _Rotation.apply(k, *angle)


class _Rotation(torch.autograd.Function):
    """Rotary positions (Su et al., arXiv:2104.09864, equation 34), halves apart as in Llama."""

    @staticmethod
    def forward(ctx, x, cos, sin):  # type: ignore[no-untyped-def]
        """Turn x (..., S, dim) by the angles."""
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        """Turn what comes in back: both halves have the same angles."""
        cos, sin = ctx.saved_tensors
        return _turned(gradient, cos, -sin), None, None


def _turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    half = x.shape[-1] // 2
    turned = x * cos
    turned[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-1)
    turned[..., half:].addcmul_(x[..., :half], sin[..., half:])
    return turned
