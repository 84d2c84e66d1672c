"""Attention over a row of pairs (`pair_layout`), without work that a mask throws away.

A token sees what came before it in its own conversation: of a row of pairs that is a small part. On
a CPU attention is a dense product for each block of queries, over the stretch of keys that they can
see; on a GPU see `row_attention`.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from trainer.recipes.pair_layout import Block, PairLayout
from trainer.recipes.row_attention import row_attention

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
    if query.is_cuda:
        states = query, key, value
        return row_attention(
            states, pair_layout, sliding_window, scale=scale, dropout=dropout
        ), None
    blocks = pair_layout.blocks(sliding_window, like=query)
    if dropout:
        num_heads, stretches = query.shape[1], pair_layout.seen
        keys, values = (_seen(states[0], stretches, num_heads) for states in (key, value))
        return _with_dropout((query[0] * scale, keys, values), blocks, dropout=dropout)[None], None
    return _BlockAttention.apply(query, key, value, (pair_layout, blocks, scale)), None


def _with_dropout(
    states: tuple[torch.Tensor, ...], blocks: Sequence[Block], *, dropout: float
) -> torch.Tensor:
    query, keys, values = states
    mixed = torch.empty_like(query)
    for block in blocks:
        weights = torch.nn.functional.dropout(_weights(query, keys, block), dropout)
        mixed[:, block.queries] = torch.bmm(weights, values[:, block.keys])
    return mixed.transpose(0, 1)


class _BlockAttention(torch.autograd.Function):
    """softmax(s Q Kᵀ + mask) V, block by block, without the copies that autograd would make."""

    @staticmethod
    def forward(ctx, query, key, value, plan):  # type: ignore[no-untyped-def]
        """Shapes: query (1, heads, S, dim), key and value (1, key heads, S, dim).

        Returns (1, S, heads, dim). `plan` is the layout, its blocks and s.
        """
        layout, blocks, scale = plan
        _, num_heads, num_tokens, dim = query.shape
        scaled = query[0] * scale
        keys, values = (_seen(states[0], layout.seen, num_heads) for states in (key, value))
        mixed = query.new_empty(num_tokens, num_heads, dim)
        kept = []
        for block in blocks:
            weights = _weights(scaled, keys, block)
            mixed[block.queries] = torch.bmm(weights, values[:, block.keys]).transpose(0, 1)
            kept.append(weights)
        ctx.plan, ctx.shape = plan, key.shape[1:]
        ctx.save_for_backward(scaled, keys, values, *kept)
        return mixed[None]

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        """Chain rule; what comes in is (1, S, heads, dim), and the mask has no gradient."""
        scaled, keys, values, *kept = ctx.saved_tensors
        layout, blocks, scale = ctx.plan
        of_query = torch.empty_like(scaled)
        of_keys, of_values = torch.zeros_like(keys), torch.zeros_like(values)
        incoming = gradient[0].transpose(0, 1)
        for block, weights in zip(blocks, kept, strict=True):
            of_mixed = incoming[:, block.queries]
            of_values[:, block.keys] += torch.bmm(weights.transpose(1, 2), of_mixed)
            of_weights = torch.bmm(of_mixed, values[:, block.keys].transpose(1, 2))
            of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
            of_query[:, block.queries] = torch.bmm(of_scores, keys[:, block.keys])
            of_scores = of_scores.transpose(1, 2)
            of_keys[:, block.keys] += torch.bmm(of_scores, scaled[:, block.queries])
        of_key, of_value = (
            _back(of_seen, layout.seen, shape=ctx.shape) for of_seen in (of_keys, of_values)
        )
        return of_query.mul_(scale)[None], of_key[None], of_value[None], None


def _seen(states: torch.Tensor, stretches: Sequence[slice], num_heads: int) -> torch.Tensor:
    """Keys or values (key heads, S, dim) as blocks see them, once for each head that shares them.

    With one product for each head, queries and their gradients are taken as they lie.
    """
    seen = torch.cat([states[:, stretch] for stretch in stretches], dim=1)
    num_shared = num_heads // len(seen)
    return seen[:, None].expand(-1, num_shared, -1, -1).reshape(num_heads, *seen.shape[1:])


def _back(of_seen: torch.Tensor, stretches: Sequence[slice], *, shape: torch.Size) -> torch.Tensor:
    """Gradient of the states that `_seen` was given, of this shape, from that of what it gave."""
    num_heads, num_seen, dim = of_seen.shape
    summed = of_seen.view(shape[0], num_heads // shape[0], num_seen, dim).sum(dim=1)
    total = of_seen.new_zeros(shape)
    sizes = [stretch.stop - stretch.start for stretch in stretches]
    for stretch, share in zip(stretches, summed.split(sizes, dim=1), strict=True):
        total[:, stretch] += share
    return total


def _weights(scaled: torch.Tensor, keys: torch.Tensor, block: Block) -> torch.Tensor:
    """How much each query takes of each key: (heads, n, m), each row adds up to 1."""
    scores = torch.bmm(scaled[:, block.queries], keys[:, block.keys].transpose(1, 2))
    # The kernel computes in float32 whatever type comes in and goes out.
    return torch.softmax(scores.add_(block.mask), dim=-1)


AttentionInterface.register(ATTENTION, pair_attention)
