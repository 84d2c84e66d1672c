"""One forward pass over whole pairs: each is one stretch [prompt | chosen | rejected] of one row.

TRL computes a prompt twice, pads chosen and rejected answers to the longest of the batch, and
scores every position. Here all pairs of a batch lie behind each other without padding, the prompt
is computed once, the rejected answer does not see the chosen one (its positions start again after
the prompt), and the LM head is applied where an answer's token is predicted and nowhere else. What
comes back is what TRL's own forward gives, so its losses and metrics work unchanged.
"""

import functools
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from trl.trainer.utils import FusedCausalLMOutput

from trainer.recipes.token_scores import TokenScores

ATTENTION = "pairtune_pairs"


@dataclass(frozen=True)
class Stretch:
    """Where one pair lies in the row, in tokens."""

    start: int
    num_prompt: int
    num_chosen: int
    num_rejected: int

    @property
    def num_tokens(self) -> int:
        """Length of the whole stretch."""
        return self.num_prompt + self.num_chosen + self.num_rejected

    def positions(self) -> torch.Tensor:
        """Position of each token in its own conversation, shape (num_tokens,)."""
        prompt = torch.arange(self.num_prompt + self.num_chosen)
        rejected = torch.arange(self.num_rejected) + self.num_prompt
        return torch.cat([prompt, rejected])

    def predicted_from(self) -> torch.Tensor:
        """Index in the row whose output predicts each answer token, chosen ones first."""
        last_prompt = torch.tensor([self.start + self.num_prompt - 1])
        chosen = torch.arange(self.num_chosen) + last_prompt
        rejected = torch.arange(self.num_rejected) + last_prompt + self.num_chosen
        rejected[:1] = last_prompt
        return torch.cat([chosen, rejected])

    def visible(self, window: int | None) -> torch.Tensor:
        """Which token (column) each token (row) may see, bool of shape (num_tokens, num_tokens).

        Causal, blind between the two answers, and within `window` positions if there is one.
        """
        positions = self.positions()
        num_first = self.num_prompt + self.num_chosen
        visible = torch.ones(self.num_tokens, self.num_tokens, dtype=torch.bool).tril()
        visible[num_first:, self.num_prompt : num_first] = False
        if window is not None:
            visible &= positions[:, None] - positions[None, :] < window
        return visible


@dataclass(frozen=True)
class PairLayout:
    """A batch of B pairs as one row of S tokens with N answer tokens in all."""

    input_ids: torch.Tensor  # (1, S)
    position_ids: torch.Tensor  # (1, S)
    stretches: tuple[Stretch, ...]
    predicted_from: torch.Tensor  # (N,) index into S
    targets: torch.Tensor  # (N,) answer tokens, row by row of TRL's batch
    _masks: dict[Any, list[torch.Tensor]] = field(default_factory=dict)

    def masks(self, window: int | None, like: torch.Tensor) -> list[torch.Tensor]:
        """For each pair what is added to its attention scores: 0 or minus infinity."""
        key = (window, like.dtype, like.device)
        if key not in self._masks:
            self._masks[key] = [
                torch.zeros(stretch.num_tokens, stretch.num_tokens, dtype=like.dtype)
                .masked_fill_(~stretch.visible(window), -torch.inf)
                .to(like.device)
                for stretch in self.stretches
            ]
        return self._masks[key]


def lay_out(
    input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor
) -> PairLayout | None:
    """Lay TRL's batch (2B, T), first the chosen then the rejected rows, out as one row.

    None when the two rows of a pair do not share a prompt, so that the batch cannot be taken.
    """
    device = input_ids.device
    half = len(input_ids) // 2
    rows = [
        (ids[seen], given[seen] != -100)
        for ids, seen, given in zip(
            input_ids.cpu(), attention_mask.bool().cpu(), labels.cpu(), strict=True
        )
    ]
    stretches: list[Stretch] = []
    pieces: list[torch.Tensor] = []
    start = 0
    for (chosen, of_chosen), (rejected, of_rejected) in zip(rows[:half], rows[half:], strict=True):
        num_prompt = int((~of_chosen).sum())
        shared = chosen[:num_prompt].equal(rejected[: int((~of_rejected).sum())])
        if num_prompt == 0 or not shared or of_chosen[:num_prompt].any():
            return None
        stretch = Stretch(start, num_prompt, len(chosen) - num_prompt, len(rejected) - num_prompt)
        stretches.append(stretch)
        pieces += [chosen, rejected[num_prompt:]]
        start += stretch.num_tokens
    return PairLayout(
        input_ids=torch.cat(pieces)[None].to(device),
        position_ids=torch.cat([stretch.positions() for stretch in stretches])[None].to(device),
        stretches=tuple(stretches),
        predicted_from=_rows_of_both(stretches).to(device),
        targets=torch.cat([ids[answer] for ids, answer in rows]).to(device),
    )


def _rows_of_both(stretches: list[Stretch]) -> torch.Tensor:
    """Where answer tokens are predicted from, in the order of TRL's rows: all chosen first."""
    parts = [stretch.predicted_from().split([stretch.num_chosen, stretch.num_rejected])
             for stretch in stretches]  # fmt: skip
    return torch.cat([chosen for chosen, _ in parts] + [rejected for _, rejected in parts])


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
    """Attention within each pair by plain batched products; no work on what the mask hides.

    Shapes: query (1, heads, S, dim), key and value (1, key heads, S, dim); returns
    (1, S, heads, dim). On a CPU this beats the fused kernel, whose bfloat16 backward is slow on
    short stretches.
    """
    if pair_layout is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask,
            dropout=dropout, scaling=scaling, **kwargs,
        )  # fmt: skip
    # Rotary positions turn what autocast has computed in 16 bits back into a model's float32.
    query, key = query.to(value.dtype), key.to(value.dtype)
    lengths = [stretch.num_tokens for stretch in pair_layout.stretches]
    scaled = query[0] * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    stretches = zip(
        *(states.split(lengths, dim=1) for states in (scaled, key[0], value[0])),
        pair_layout.masks(sliding_window, query),
        strict=True,
    )
    dropout = dropout if module.training else 0.0
    return torch.cat([_attend(*stretch, dropout=dropout) for stretch in stretches])[None], None


def _attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
    *,
    dropout: float,
) -> torch.Tensor:
    """One pair: query (heads, n, dim), key and value (key heads, n, dim) to (n, heads, dim)."""
    num_heads, num_tokens, dim = query.shape
    # Heads that share a key head are one tall matrix: (key heads, group * n, dim).
    tall = query.reshape(len(key), -1, dim)
    if dropout:
        scores = (tall @ key.transpose(1, 2)).view(len(key), -1, num_tokens, num_tokens) + mask
        weights = torch.nn.functional.dropout(torch.softmax(scores, dim=-1), dropout)
        mixed = weights.view(len(key), -1, num_tokens) @ value
    else:
        mixed = _Attention.apply(tall, key, value, mask)
    return mixed.view(num_heads, num_tokens, dim).transpose(0, 1)


class _Attention(torch.autograd.Function):
    """softmax(Q Kᵀ + mask) V without the copies that autograd makes on the way back."""

    @staticmethod
    def forward(ctx, query, key, value, mask):  # type: ignore[no-untyped-def]
        """Shapes: query (key heads, group * n, dim), key and value (key heads, n, dim)."""
        num_tokens = key.shape[1]
        scores = torch.bmm(query, key.transpose(1, 2))
        scores.view(len(key), -1, num_tokens, num_tokens).add_(mask)
        # The kernel computes in float32 whatever type comes in and goes out.
        weights = torch.softmax(scores, dim=-1)
        ctx.save_for_backward(query, key, value, weights)
        return torch.bmm(weights, value)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        """Chain rule; the mask has no gradient."""
        query, key, value, weights = ctx.saved_tensors
        of_value = torch.bmm(weights.transpose(1, 2), gradient)
        of_weights = torch.bmm(gradient, value.transpose(1, 2))
        of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
        of_query = torch.bmm(of_scores, key)
        of_key = torch.bmm(of_scores.transpose(1, 2), query)
        return of_query, of_key, of_value, None


AttentionInterface.register(ATTENTION, pair_attention)


def supports(model: PreTrainedModel) -> bool:
    """Whether the layout works for this model: text only, attention that can be exchanged."""
    config = model.config
    scaled = ("logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")
    return (
        config.get_text_config() is config
        and bool(getattr(model, "_supports_attention_backend", False))
        and not getattr(config, "final_logit_softcapping", None)
        and not getattr(config, "output_router_logits", False)
        and all(getattr(config, name, None) is None for name in scaled)
    )


def share_prefixes(model: PreTrainedModel) -> None:
    """Let `model(..., fused_lm_head=True)`, TRL's forward for losses, take pairs in one row.

    `model` is the causal language model itself, under any adapter, after TRL has given it its
    fused LM head. A batch that cannot be laid out goes through TRL's own forward.
    """
    fused_forward = model.forward
    # It stays: gradient checkpointing computes the layers again after the forward pass has ended.
    usual = model.config._attn_implementation
    model.config._attn_implementation = ATTENTION

    @functools.wraps(type(model).forward)  # `generate` checks its arguments against the signature
    def forward(
        self: PreTrainedModel, *args: Any, fused_lm_head: bool = False, **kwargs: Any
    ) -> Any:
        layout = _layout_of(kwargs) if fused_lm_head else None
        if layout is None:
            with _attention(self, usual):  # which makes masks of its own
                return fused_forward(*args, fused_lm_head=fused_lm_head, **kwargs)
        return _as_trl_gives_it(_scores(self, layout), kwargs["labels"][:, 1:] != -100)

    model.forward = types.MethodType(forward, model)


def _layout_of(batch: Mapping[str, Any]) -> PairLayout | None:
    tensors = [batch.get(name) for name in ("input_ids", "attention_mask", "labels")]
    return None if any(tensor is None for tensor in tensors) else lay_out(*tensors)


def _scores(model: PreTrainedModel, layout: PairLayout) -> TokenScores:
    hidden = model.base_model(
        input_ids=layout.input_ids,
        position_ids=layout.position_ids,
        pair_layout=layout,
        use_cache=False,
    ).last_hidden_state[0]
    head = model.get_output_embeddings()
    return TokenScores.compute(hidden[layout.predicted_from], head, layout.targets)


@contextmanager
def _attention(model: PreTrainedModel, implementation: str) -> Iterator[None]:
    before = model.config._attn_implementation
    model.config._attn_implementation = implementation
    try:
        yield
    finally:
        model.config._attn_implementation = before


def _as_trl_gives_it(scores: TokenScores, mask: torch.Tensor) -> FusedCausalLMOutput:
    """Put per-token values at their places in TRL's batch; zero wherever `mask` is false."""

    def placed(values: torch.Tensor) -> torch.Tensor:
        return values.new_zeros(mask.shape).masked_scatter(mask, values)

    log_probs = placed(scores.log_probs)
    return FusedCausalLMOutput(
        loss=-log_probs.sum() / mask.sum().clamp(min=1),
        log_probs=log_probs,
        entropy=placed(scores.entropy),
        mean_logits=placed(scores.mean_logits),
        is_top1=placed(scores.is_top1),
        label_mask=mask,
    )
