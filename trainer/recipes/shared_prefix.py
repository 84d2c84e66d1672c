"""One forward pass over whole pairs: each is one stretch [chosen | prompt | rejected] of one row.

TRL computes a prompt twice, pads chosen and rejected answers to the longest of the batch, and
scores every position. Here all pairs of a batch lie behind each other without padding, the prompt
is computed once, neither answer sees the other (the positions of both go on from the prompt's), and
the LM head is applied where an answer's token is predicted and nowhere else. What comes back is
what TRL's own forward gives, so its losses and metrics work unchanged.

The order within the row is free, since every token has its position beside it. With the prompt in
the middle, what a token sees is unbroken (`pair_attention`).
"""

import functools
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import PreTrainedModel
from trl.trainer.utils import FusedCausalLMOutput

from trainer.recipes.pair_attention import ATTENTION, Block
from trainer.recipes.token_scores import TokenScores


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
        prompt = torch.arange(self.num_prompt)
        chosen, rejected = torch.arange(self.num_chosen), torch.arange(self.num_rejected)
        return torch.cat([chosen + self.num_prompt, prompt, rejected + self.num_prompt])

    def predicted_from(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Index in the row whose output predicts each token of the chosen and the rejected answer.

        The first token of either is predicted by the prompt's last.
        """
        start_of_rejected = self.start + self.num_chosen + self.num_prompt
        chosen = torch.arange(self.num_chosen) + self.start - 1
        rejected = torch.arange(self.num_rejected) + start_of_rejected - 1
        chosen[:1] = start_of_rejected - 1
        return chosen, rejected

    def parts(self) -> Iterator[tuple[slice, slice]]:
        """The tokens of each part that is not empty, and those that they can see at the most."""
        prompt = self.start + self.num_chosen
        rejected = prompt + self.num_prompt
        end = self.start + self.num_tokens
        yield slice(prompt, rejected), slice(prompt, rejected)
        if self.num_chosen:
            yield slice(self.start, prompt), slice(self.start, rejected)
        if self.num_rejected:
            yield slice(rejected, end), slice(prompt, end)


@dataclass(frozen=True)
class PairLayout:
    """A batch of B pairs as one row of S tokens with N answer tokens in all."""

    input_ids: torch.Tensor  # (1, S)
    position_ids: torch.Tensor  # (1, S)
    stretches: tuple[Stretch, ...]
    predicted_from: torch.Tensor  # (N,) index into S
    targets: torch.Tensor  # (N,) answer tokens, row by row of TRL's batch
    _blocks: dict[Any, list[Block]] = field(default_factory=dict)

    def blocks(self, window: int | None, num_shared: int, *, like: torch.Tensor) -> list[Block]:
        """Who attends to what, for `num_shared` heads to a key head; type and device as `like`.

        What a part of a pair can see at the most is the prompt and itself: of these a token sees
        what lies at its position or before, and within `window` positions if there is one.
        """
        kind = (window, num_shared, like.dtype, like.device)
        if kind not in self._blocks:
            positions = self.position_ids[0].cpu()
            self._blocks[kind] = [
                Block(queries, keys, mask.repeat(num_shared, 1).to(like))
                for stretch in self.stretches
                for queries, keys in stretch.parts()
                for mask in [_mask(positions[queries], positions[keys], window)]
            ]
        return self._blocks[kind]


def _mask(queries: torch.Tensor, keys: torch.Tensor, window: int | None) -> torch.Tensor:
    """0 where a key's position can be seen from a query's, else minus infinity: (n, m)."""
    distance = queries[:, None] - keys[None, :]
    hidden = distance < 0
    if window is not None:
        hidden |= distance >= window
    return torch.zeros(distance.shape).masked_fill_(hidden, -torch.inf)


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
        pieces += [chosen[num_prompt:], chosen[:num_prompt], rejected[num_prompt:]]
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
    chosen, rejected = zip(*(stretch.predicted_from() for stretch in stretches), strict=True)
    return torch.cat([*chosen, *rejected])


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
