"""Attention over a row of pairs [chosen | prompt | rejected], without work that a mask throws away.

An answer sees the prompt and itself, the prompt only itself, and no pair sees another. With the
prompt in the middle each part of a pair sees one unbroken stretch of the row, so attention is three
dense blocks a pair, and only the triangles in them need a mask.
"""

from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

ATTENTION = "pairtune_pairs"


@dataclass(frozen=True)
class Block:
    """Tokens of the row that see the same stretch of it: n queries and m keys."""

    queries: slice
    keys: slice
    mask: torch.Tensor  # (g n, m) for g heads to a key head: 0 or minus infinity, added to scores


def pair_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    pair_layout: Any = None,
    sliding_window: int | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention within each pair of the row by plain batched products.

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
    num_shared = query.shape[1] // key.shape[1]  # heads to a key head
    blocks = pair_layout.blocks(sliding_window, num_shared, like=query)
    states = query[0], key[0], value[0]
    if module.training and dropout:
        return _with_dropout(states, blocks, scale, dropout=dropout)[None], None
    return _BlockAttention.apply(*states, (blocks, scale))[None], None


def _with_dropout(
    states: tuple[torch.Tensor, ...], blocks: list[Block], scale: float, *, dropout: float
) -> torch.Tensor:
    query, key, value = states
    mixed = torch.empty_like(query)
    for block in blocks:
        weights = _weights(_tall(query, block, len(key)), key, block, scale)
        weights = torch.nn.functional.dropout(weights, dropout)
        part = torch.bmm(weights, value[:, block.keys])
        mixed[:, block.queries] = part.view(len(query), -1, query.shape[-1])
    return mixed.transpose(0, 1)


class _BlockAttention(torch.autograd.Function):
    """softmax(s Q Kᵀ + mask) V, block by block, without the copies that autograd would make."""

    @staticmethod
    def forward(ctx, query, key, value, plan):  # type: ignore[no-untyped-def]
        """Shapes: query (heads, S, dim), key and value (key heads, S, dim) to (S, heads, dim).

        `plan` is the blocks and s.
        """
        blocks, scale = plan
        num_heads, num_tokens, dim = query.shape
        mixed = query.new_empty(num_tokens, num_heads, dim)
        kept = []
        for block in blocks:
            weights = _weights(_tall(query, block, len(key)), key, block, scale)
            part = torch.bmm(weights, value[:, block.keys])
            mixed[block.queries] = part.view(num_heads, -1, dim).transpose(0, 1)
            kept.append(weights)
        ctx.blocks, ctx.scale = blocks, scale
        ctx.save_for_backward(query, key, value, *kept)
        return mixed

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        """Chain rule; what comes in is (S, heads, dim), and the mask has no gradient."""
        query, key, value, *kept = ctx.saved_tensors
        of_query = torch.empty_like(query)
        of_key, of_value = torch.zeros_like(key), torch.zeros_like(value)
        incoming = gradient.transpose(0, 1)
        for block, weights in zip(ctx.blocks, kept, strict=True):
            seen = block.keys
            of_mixed = _tall(incoming, block, len(key))
            of_value[:, seen] += torch.bmm(weights.transpose(1, 2), of_mixed)
            of_weights = torch.bmm(of_mixed, value[:, seen].transpose(1, 2))
            of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
            part = torch.bmm(of_scores, key[:, seen])
            of_query[:, block.queries] = part.view(len(query), -1, query.shape[-1])
            of_key[:, seen] += torch.bmm(of_scores.transpose(1, 2), _tall(query, block, len(key)))
        return of_query.mul_(ctx.scale), of_key.mul_(ctx.scale), of_value, None


def _tall(states: torch.Tensor, block: Block, num_key_heads: int) -> torch.Tensor:
    """A block's queries; heads that share a key head become one matrix (key heads, g n, dim)."""
    return states[:, block.queries].reshape(num_key_heads, -1, states.shape[-1])


def _weights(tall: torch.Tensor, key: torch.Tensor, block: Block, scale: float) -> torch.Tensor:
    """How much each query takes of each key: (key heads, g n, m), each row adds up to 1."""
    seen = key[:, block.keys].transpose(1, 2)
    scores = torch.baddbmm(block.mask, tall, seen, alpha=scale)
    # The kernel computes in float32 whatever type comes in and goes out.
    return torch.softmax(scores, dim=-1)


AttentionInterface.register(ATTENTION, pair_attention)
