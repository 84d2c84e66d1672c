"""Log-probabilities of given tokens without keeping the logits of the whole vocabulary.

For hidden states h (N, H), the LM head's weight W (V, H) and targets y (N,), log p = z[y] - log Σ
exp z with z = W h. Its gradient by h is W[y] - Σ_v p[v] W[v], which needs only what the forward
pass has at hand: it is computed there, chunk by chunk, and kept as (N, H) instead of (N, V).
"""

from dataclasses import dataclass

import torch

CHUNK_TOKENS = 128  # (128, 49152) float32 values are 24 MiB: the allocator keeps and reuses them


@dataclass(frozen=True)
class TokenScores:
    """Values of N tokens, each of shape (N,); only `log_probs` has a gradient."""

    log_probs: torch.Tensor
    entropy: torch.Tensor  # of the distribution that the token was drawn from, in nats
    mean_logits: torch.Tensor  # over the vocabulary
    is_top1: torch.Tensor  # whether the token is the likeliest

    @classmethod
    def compute(
        cls, hidden: torch.Tensor, head: torch.nn.Linear, targets: torch.Tensor
    ) -> "TokenScores":
        """Score `targets` (N,) given the hidden states (N, H) that predict them."""
        return cls(*_Scores.apply(hidden, head.weight, head.bias, targets))


class _Scores(torch.autograd.Function):
    """The head is frozen: the gradient goes to the hidden states alone."""

    @staticmethod
    def forward(ctx, hidden, weight, bias, targets):  # type: ignore[no-untyped-def]
        """Return log_probs, entropy, mean_logits and is_top1, each (N,)."""
        dtype = (
            torch.get_autocast_dtype(hidden.device.type)
            if torch.is_autocast_enabled(hidden.device.type)
            else hidden.dtype
        )
        weight = weight.to(dtype)
        columns, gradients = [], []
        for states, wanted in zip(
            hidden.to(dtype).split(CHUNK_TOKENS), targets.split(CHUNK_TOKENS), strict=True
        ):
            column, expected = _score(states, (weight, bias), wanted, ctx.needs_input_grad[0])
            columns.append(column)
            if expected is not None:
                gradients.append(weight[wanted] - expected)
        if gradients:
            ctx.save_for_backward(torch.cat(gradients))
        ctx.dtype = hidden.dtype
        log_probs, entropy, mean_logits, is_top1 = map(torch.cat, zip(*columns, strict=True))
        ctx.mark_non_differentiable(entropy, mean_logits, is_top1)
        return log_probs, entropy, mean_logits, is_top1

    @staticmethod
    def backward(ctx, grad_log_probs, *_):  # type: ignore[no-untyped-def]
        """Chain rule with the gradient that the forward pass has kept."""
        (gradient,) = ctx.saved_tensors
        return (grad_log_probs[:, None] * gradient).to(ctx.dtype), None, None, None


def _score(
    states: torch.Tensor,
    head: tuple[torch.Tensor, torch.Tensor | None],
    targets: torch.Tensor,
    needs_gradient: bool,
) -> tuple[tuple[torch.Tensor, ...], torch.Tensor | None]:
    """The four columns of a chunk, each (n,), and the expected row of the head, (n, H).

    The entropy is log Σ exp z - Σ p z with z the logits. Where a gradient is needed, Σ p z is the
    state times the expected row of the head, plus the expected bias.
    """
    weight, bias = head
    logits = torch.nn.functional.linear(states, weight, bias)
    top, best = logits.max(dim=-1, keepdim=True)
    top = top.float()
    below = logits - top  # float32, so that large logits lose nothing
    mean_logits = below.mean(dim=-1) + top[:, 0]
    expected = None
    if needs_gradient:
        powers = below.exp_()
        total = powers.sum(dim=-1, keepdim=True)
        expected = (powers.to(weight.dtype) @ weight).div_(total)
        mean = torch.linalg.vecdot(expected.float(), states.float())
        if bias is not None:
            mean = mean + (powers @ bias.float()) / total[:, 0]
    else:
        powers = below.exp()
        total = powers.sum(dim=-1, keepdim=True)
        mean = torch.linalg.vecdot(powers, below) / total[:, 0] + top[:, 0]
    normaliser = top + total.log()
    log_probs = logits.gather(1, targets[:, None]).float() - normaliser
    columns = (log_probs[:, 0], normaliser[:, 0] - mean, mean_logits, best[:, 0] == targets)
    return columns, expected
