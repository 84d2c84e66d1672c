"""What is used of torch beyond what it promises."""

import torch


def softmax_backward(gradient: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Gradient of what a softmax over the last dimension has made `weights` of.

    Autograd's own step, in one pass; as a sum of products it takes three.
    """
    return torch._softmax_backward_data(gradient, weights, -1, weights.dtype)


def silu_backward_(gradient: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Gradient of x where that of silu(x) comes in, written into the latter's memory.

    Autograd's own step, in one pass; torch.nn.functional has only the way forward.
    """
    return torch.ops.aten.silu_backward(gradient, x, grad_input=gradient)


def cpu_has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16.

    torch offers no question of its own for that; without them bfloat16 is slower than float32.
    """
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
