"""What is used of bitsandbytes beyond what it promises."""

import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn import Linear4bit


def unpacked_weight(layer: Linear4bit, dtype: torch.dtype) -> torch.Tensor:
    """W (out, in) of a layer in 4 bits. Its own product unpacks it the same way, but keeps it."""
    return dequantize_4bit(layer.weight.data, layer.weight.quant_state).to(dtype)


def keep_gradients_of_4_bit(model: torch.nn.Module) -> None:
    """Keep bitsandbytes from packing the weights anew for inference on a CPU.

    It does so the first time that no gradient is asked for, as in a reference pass; the packed
    product has no backward, and from then on gradients would silently be wrong.
    """
    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False
