"""Attention over a row of pairs (`pair_layout`) in one kernel for the whole row, as on GPUs.

There starting a kernel costs more than what the mask throws away of a short row. Of a long row
FlexAttention (Dong et al., arXiv:2412.05496) passes over the blocks in which no token sees another;
it is compiled on first use, which needs Triton and a C compiler.
"""

import functools
import logging
from collections.abc import Callable

import torch
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from trainer.kernels.pair_layout import PairLayout

_log = logging.getLogger(__name__)

# Tokens of a row. On an H200 both kernels took the same for rows of 460 to 1,150 tokens (168 ms for
# SmolLM2-135M there and back, products block by block 229 ms and more); where FlexAttention begins
# to be worth its compilation of some ten seconds is not measured.
MAX_DENSE_TOKENS = 2048
MASK_ALIGNMENT = 8  # elements; rows of a mask that start elsewhere are copied by every layer


def row_attention(
    states: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    layout: PairLayout,
    window: int | None,
    *,
    scale: float,
    dropout: float = 0.0,
) -> torch.Tensor:
    """Attention within each conversation, within `window` positions if there is one.

    `states` are query (1, heads, S, dim), key and value (1, key heads, S, dim) of one type; returns
    (1, S, heads, dim).
    """
    query, *seen = states
    is_long = layout.input_ids.shape[1] > MAX_DENSE_TOKENS and not dropout
    if is_long and query.is_cuda and _can_compile(query.shape[-1], query.dtype):
        blocks = block_mask(layout, window)
        mixed = _compiled()(query, *seen, block_mask=blocks, scale=scale, enable_gqa=True)
    else:
        num_shared = query.shape[1] // seen[0].shape[1]
        key, value = (part.repeat_interleave(num_shared, dim=1) for part in seen)
        mask = dense_mask(layout, window, like=query)
        mixed = torch.nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=dropout, scale=scale
        )
    return mixed.transpose(1, 2)


def dense_mask(layout: PairLayout, window: int | None, *, like: torch.Tensor) -> torch.Tensor:
    """Which token of the row sees which, (1, 1, S, S): 0 or minus infinity, added to scores."""

    def make() -> torch.Tensor:
        num_tokens = layout.input_ids.shape[1]
        places = torch.arange(num_tokens, device=like.device)
        seen = layout.can_see(window)(None, None, places[:, None], places)
        width = num_tokens + -num_tokens % MASK_ALIGNMENT
        mask = like.new_full((num_tokens, width), -torch.inf)[:, :num_tokens]
        return mask.masked_fill_(seen, 0)[None, None]

    mask: torch.Tensor = layout.once(("dense", window, like.dtype), make)
    return mask


def block_mask(layout: PairLayout, window: int | None) -> BlockMask:
    """The same as blocks of tokens."""
    num_tokens, device = layout.input_ids.shape[1], layout.input_ids.device

    def make() -> BlockMask:
        sees = layout.can_see(window)
        return create_block_mask(sees, None, None, num_tokens, num_tokens, device=device)

    mask: BlockMask = layout.once(("blocks", window), make)
    return mask


@functools.cache
def _compiled() -> Callable[..., torch.Tensor]:
    return torch.compile(flex_attention, dynamic=True)  # rows differ in length


@functools.cache
def _can_compile(dim: int, dtype: torch.dtype) -> bool:
    """Whether a kernel for heads of width `dim` goes both ways on this machine's GPU."""
    shape = 1, 1, 128, dim
    try:
        # The first who asks may be a reference pass, which needs no gradients itself.
        with torch.enable_grad(), torch.autocast("cuda", enabled=False):
            parts = [
                torch.ones(shape, device="cuda", dtype=dtype, requires_grad=True) for _ in range(3)
            ]
            _compiled()(*parts, enable_gqa=True).sum().backward()
    except Exception as error:  # of many kinds: the compiler's own, Triton's and the system's
        _log.warning(
            "FlexAttention does not compile for heads of width %d in %s, so long rows take more "
            "memory and time: %r", dim, dtype, error,
        )  # fmt: skip
        return False
    return True
