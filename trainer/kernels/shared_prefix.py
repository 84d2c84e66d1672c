"""One forward pass over whole pairs: nothing is padding, and no beginning is computed twice.

TRL computes a prompt twice, pads chosen and rejected answers to the longest of the batch, and
scores every position. Here all pairs of a batch lie behind each other in one row (`pair_layout`),
and the LM head is applied where an answer's token is predicted and nowhere else. What comes back is
what TRL's own forward gives, so its losses and metrics work unchanged. The row is laid out with the
batch (`pair_collator`), so that nothing here waits for the device.
"""

import functools
import types
from typing import Any

import torch
from transformers import PreTrainedModel

from trainer.kernels.last_layer import LastLayer
from trainer.kernels.pair_attention import ATTENTION
from trainer.kernels.pair_layout import PairLayout
from trainer.kernels.token_scores import TokenScores, log_probs_alone
from trainer.private.transformers import can_exchange_attention, set_attention
from trainer.private.trl import LossOutput


def supports(model: PreTrainedModel) -> bool:
    """Whether the layout works for this model: text only, attention that can be exchanged."""
    config = model.config
    scaled = ("logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")
    return (
        config.get_text_config() is config
        and can_exchange_attention(model)
        and not getattr(config, "final_logit_softcapping", None)
        and not getattr(config, "output_router_logits", False)
        and all(getattr(config, name, None) is None for name in scaled)
    )


def share_prefixes(model: PreTrainedModel) -> None:
    """Let `model(..., fused_lm_head=True)`, TRL's forward for losses, take pairs in one row.

    It does where the batch has a `pair_layout`; else it is TRL's own. With `log_probs_only=True` a
    row gives nothing but the log-probabilities, without a gradient. `model` is the causal language
    model itself, under any adapter, after TRL has given it its fused LM head.
    """
    fused_forward = model.forward
    last_layer = LastLayer.of(model.base_model)
    # It stays: gradient checkpointing computes the layers again after the forward pass has ended.
    usual = set_attention(model, ATTENTION)

    @functools.wraps(type(model).forward)  # `generate` checks its arguments against the signature
    def forward(
        self: PreTrainedModel,
        *args: Any,
        fused_lm_head: bool = False,
        log_probs_only: bool = False,
        pair_layout: PairLayout | None = None,
        **kwargs: Any,
    ) -> Any:
        if pair_layout is None or not fused_lm_head:
            set_attention(self, usual)  # which makes masks of its own
            try:
                return fused_forward(*args, fused_lm_head=fused_lm_head, **kwargs)
            finally:
                set_attention(self, ATTENTION)
        scored = (*_hidden(self, pair_layout, last_layer), pair_layout.targets)
        mask = kwargs["labels"][:, 1:] != -100
        if log_probs_only:
            log_probs = pair_layout.placed(log_probs_alone(*scored), mask.shape)
            return LossOutput(log_probs=log_probs)
        return _as_trl_gives_it(TokenScores.compute(*scored), pair_layout, mask)

    model.forward = types.MethodType(forward, model)


def _hidden(
    model: PreTrainedModel, layout: PairLayout, last_layer: LastLayer | None
) -> tuple[torch.Tensor, torch.nn.Linear]:
    """The states that answer tokens are predicted from, (N, H), and the head that predicts."""
    hidden = model.base_model(
        input_ids=layout.input_ids,
        position_ids=layout.position_ids,
        pair_layout=layout,
        use_cache=False,
    ).last_hidden_state
    if last_layer is None or not last_layer.selects():
        hidden = hidden.index_select(1, layout.predicted_from)
    return hidden[0], model.get_output_embeddings()


def _as_trl_gives_it(scores: TokenScores, layout: PairLayout, mask: torch.Tensor) -> LossOutput:
    log_probs, entropy, mean_logits, is_top1 = (
        layout.placed(values, mask.shape)
        for values in (scores.log_probs, scores.entropy, scores.mean_logits, scores.is_top1)
    )
    return LossOutput(
        loss=-log_probs.sum() / mask.sum().clamp(min=1),
        log_probs=log_probs,
        entropy=entropy,
        mean_logits=mean_logits,
        is_top1=is_top1,
        label_mask=mask,
    )
