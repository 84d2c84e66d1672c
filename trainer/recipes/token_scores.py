"""Log-probabilities of given tokens without keeping the logits of the whole vocabulary.

For hidden states h (N, H), the LM head's weight W (V, H) and targets y (N,), log p = z[y] - log Σ
exp z with z = W h. Its gradient by h is W[y] - Σ_v p[v] W[v], which needs only what the forward
pass has at hand: it is computed there, chunk by chunk, and kept as (N, H) instead of (N, V).
"""

from dataclasses import dataclass

import torch

CHUNK_TOKENS = 256  # (256, 49152) float32 logits are 48 MiB


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
        needs_gradient = ctx.needs_input_grad[0]
        columns, gradients = [], []
        for states, wanted in zip(
            hidden.to(dtype).split(CHUNK_TOKENS), targets.split(CHUNK_TOKENS), strict=True
        ):
            logits = torch.nn.functional.linear(states, weight, bias).float()
            column, probabilities = _score(logits, wanted)
            columns.append(column)
            if needs_gradient:
                gradients.append(weight[wanted] - probabilities.to(dtype) @ weight)
        if needs_gradient:
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
    logits: torch.Tensor, targets: torch.Tensor
) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
    """The four columns of a chunk, and its probabilities (n, V) in the memory of the logits."""
    mean_logits = logits.mean(dim=-1)
    best = logits.argmax(dim=-1)
    log_probs = logits.sub_(logits.logsumexp(dim=-1, keepdim=True))
    wanted = log_probs.gather(1, targets[:, None])[:, 0]
    probabilities = log_probs.exp()
    entropy = -torch.linalg.vecdot(probabilities, log_probs)
    return (wanted, entropy, mean_logits, best == targets), probabilities
