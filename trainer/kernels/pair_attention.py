"""Attention over a row of pairs (`pair_layout`), without work that a mask throws away.

A token sees what came before it in its own conversation: of a row of pairs that is a small part. On
a CPU attention is a dense product for each block of queries, over the stretch of keys that they can
see; on a GPU, and where a model drops attention at random, see `row_attention`.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from trainer.kernels.pair_layout import Block, PairLayout
from trainer.kernels.row_attention import row_attention
from trainer.private.torch import softmax_backward

ATTENTION = "pairtune_pairs"


def pair_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    pair_layout: PairLayout | None = None,
    sliding_window: int | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention within each conversation of the row, on a CPU by plain batched products.

    Shapes: query (1, heads, S, dim), key and value (1, key heads, S, dim); returns
    (1, S, heads, dim). On a CPU this beats the fused kernel, whose backward is slow on short
    stretches. Without a layout it is the model's usual attention.
    """
    if pair_layout is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask,
            dropout=dropout, scaling=scaling, **kwargs,
        )  # fmt: skip
    # Rotary positions turn what autocast has computed in 16 bits back into a model's float32.
    query, key = query.to(value.dtype), key.to(value.dtype)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    dropout = dropout if module.training else 0.0
    if query.is_cuda or dropout:
        states = query, key, value
        return row_attention(
            states, pair_layout, sliding_window, scale=scale, dropout=dropout
        ), None
    plan = pair_layout, pair_layout.blocks(sliding_window, like=query), scale
    return _BlockAttention.apply(query, key, value, plan), None


class _BlockAttention(torch.autograd.Function):
    """softmax(s Q Kᵀ + mask) V, block by block, without the copies that autograd would make."""

    @staticmethod
    def forward(ctx, query, key, value, plan):  # type: ignore[no-untyped-def]
        """Shapes: query (1, heads, S, dim), key and value (1, key heads, S, dim).

        Returns (1, S, heads, dim). `plan` is the layout, its blocks and s.
        """
        layout, blocks, scale = plan
        rows = _rows(query[0].transpose(0, 1) * scale, num_groups=key.shape[1])
        keys, values = (_seen(states[0], layout.seen) for states in (key, value))
        groups, num_tokens, num_shared, dim = rows.shape
        mixed = query.new_empty(num_tokens, groups, num_shared, dim)
        kept = []
        for block in blocks:
            weights = _weights(rows, keys, block)
            mixed[block.queries] = _by_token(torch.bmm(weights, values[:, block.keys]), block)
            kept.append(weights)
        ctx.plan, ctx.shape = plan, key.shape[1:]
        ctx.save_for_backward(rows, keys, values, *kept)
        return mixed.flatten(1, 2)[None]

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        """Chain rule; what comes in is (1, S, heads, dim), and the mask has no gradient."""
        rows, keys, values, *kept = ctx.saved_tensors
        layout, blocks, scale = ctx.plan
        groups, num_tokens, num_shared, dim = rows.shape
        of_query = rows.new_empty(num_tokens, groups, num_shared, dim)
        of_keys, of_values = torch.zeros_like(keys), torch.zeros_like(values)
        incoming = _rows(gradient[0], num_groups=groups)
        for block, weights in zip(blocks, kept, strict=True):
            of_mixed = incoming[:, block.queries].flatten(1, 2)
            of_values[:, block.keys] += torch.bmm(weights.transpose(1, 2), of_mixed)
            of_weights = torch.bmm(of_mixed, values[:, block.keys].transpose(1, 2))
            of_scores = softmax_backward(of_weights, weights)
            of_query[block.queries] = _by_token(torch.bmm(of_scores, keys[:, block.keys]), block)
            of_block = rows[:, block.queries].flatten(1, 2)
            of_keys[:, block.keys] += torch.bmm(of_scores.transpose(1, 2), of_block)
        of_key, of_value = (
            _back(of_seen, layout.seen, shape=ctx.shape) for of_seen in (of_keys, of_values)
        )
        return of_query.mul_(scale).flatten(1, 2).transpose(0, 1)[None], of_key, of_value, None


def _rows(states: torch.Tensor, *, num_groups: int) -> torch.Tensor:
    """What queries or their gradients (S, heads, dim) are to products: (groups, S, n, dim).

    The n heads of a group share a key head. A token's n rows lie behind each other, so that a
    group's block of tokens is one matrix, and a product of its own for each head is not needed.
    """
    num_tokens, num_heads, dim = states.shape
    grouped = states.reshape(num_tokens, num_groups, num_heads // num_groups, dim)
    return grouped.transpose(0, 1).contiguous()


def _by_token(product: torch.Tensor, block: Block) -> torch.Tensor:
    """A block's rows (groups, tokens * n, dim) as (tokens, groups, n, dim)."""
    return product.unflatten(1, (len(block.mask), -1)).transpose(0, 1)


def _seen(states: torch.Tensor, stretches: Sequence[slice]) -> torch.Tensor:
    """Keys or values (key heads, S, dim) as blocks see them."""
    return torch.cat([states[:, stretch] for stretch in stretches], dim=1)


def _back(of_seen: torch.Tensor, stretches: Sequence[slice], *, shape: torch.Size) -> torch.Tensor:
    """Gradient (1, key heads, S, dim) of states of this shape, from that of what `_seen` gave."""
    total = of_seen.new_zeros(shape)
    sizes = [stretch.stop - stretch.start for stretch in stretches]
    for stretch, share in zip(stretches, of_seen.split(sizes, dim=1), strict=True):
        total[:, stretch] += share
    return total[None]


def _weights(rows: torch.Tensor, keys: torch.Tensor, block: Block) -> torch.Tensor:
    """How much each row takes of each key: (groups, tokens * n, m), each adds up to 1."""
    scores = torch.bmm(rows[:, block.queries].flatten(1, 2), keys[:, block.keys].transpose(1, 2))
    scores.unflatten(1, (len(block.mask), -1)).add_(block.mask[:, None])
    # The kernel computes in float32 whatever type comes in and goes out.
    return torch.softmax(scores, dim=-1)


AttentionInterface.register(ATTENTION, pair_attention)
