"""Log-probabilities of given tokens without making the logits of the whole vocabulary.

For hidden states h (N, H), the LM head's weight W (V, H) and targets y (N,), log p = z[y] - log Σ
exp z with z = W h. Its gradient by h is W[y] - Σ_v p[v] W[v], which needs only what the forward
pass has at hand: it is computed there and kept as (N, H) instead of (N, V). Where W is trained too,
its own gradient is made on the way back (see head_gradient). The vocabulary is gone through in
slices whose logits stay in the processor's cache; means over the slices so far are brought up to
date with each slice's share of the probability, as FlashAttention does it along a row (Dao et al.,
arXiv:2205.14135, section 3.1).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from trainer.kernels.head_gradient import CHUNK_VOCABULARY, head_gradient

CHUNK_TOKENS = 512


@dataclass(frozen=True)
class TokenScores:
    """Values of N tokens, each of shape (N,); only `log_probs` has a gradient."""

    log_probs: torch.Tensor
    entropy: torch.Tensor  # of the distribution that the token was drawn from, in nats
    mean_logits: torch.Tensor  # over the vocabulary
    is_top1: torch.Tensor  # whether no token is likelier

    @classmethod
    def compute(
        cls, hidden: torch.Tensor, head: torch.nn.Linear, targets: torch.Tensor
    ) -> "TokenScores":
        """Score `targets` (N,) given the hidden states (N, H) that predict them."""
        return cls(*_Scores.apply(hidden, head.weight, head.bias, targets))


def log_probs_alone(
    hidden: torch.Tensor, head: torch.nn.Linear, targets: torch.Tensor
) -> torch.Tensor:
    """The log-probabilities of TokenScores, (N,), where nothing else and no gradient is needed."""
    found = []
    for states, wanted in _chunks(hidden, targets):
        logits = torch.zeros(len(states), device=hidden.device)
        normaliser = torch.full_like(logits, -torch.inf)
        for start in range(0, len(head.weight), CHUNK_VOCABULARY):
            weight, bias = (_slice(part, start) for part in (head.weight, head.bias))
            of_slice = torch.nn.functional.linear(states, weight, bias).float()
            normaliser = torch.logaddexp(normaliser, of_slice.logsumexp(dim=-1))
            logits = _of_targets(of_slice, wanted - start, logits)
        found.append(logits - normaliser)
    return torch.cat(found)


def _chunks(
    hidden: torch.Tensor, targets: torch.Tensor
) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    """Tokens in chunks of one size: a small one at the end would cost as much as a large one."""
    number = max(1, -(-len(targets) // CHUNK_TOKENS))
    return zip(hidden.chunk(number), targets.chunk(number), strict=True)


def _of_targets(logits: torch.Tensor, places: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """The logit (n,) at each token's place in this slice (n, v), or `before` where it has none."""
    is_here = (places >= 0) & (places < logits.shape[1])
    found = logits.gather(1, places.clamp(0, logits.shape[1] - 1)[:, None])[:, 0]
    return torch.where(is_here, found, before)


class _Scores(torch.autograd.Function):
    """The gradient goes to the hidden states, and to the head if it is trained."""

    @staticmethod
    def forward(ctx, hidden, weight, bias, targets):  # type: ignore[no-untyped-def]
        """Return log_probs, entropy, mean_logits and is_top1, each (N,)."""
        device = hidden.device.type
        autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if autocast else hidden.dtype
        head = weight.to(dtype), None if bias is None else bias.to(dtype)
        columns, gradients, log_totals = [], [], []
        for states, wanted in _chunks(hidden.to(dtype), targets):
            seen = _Seen(states, wanted, needs_gradient=ctx.needs_input_grad[0])
            with torch.autocast(device, enabled=False):  # what is float32 here has to stay so
                for start in range(0, len(weight), CHUNK_VOCABULARY):
                    seen.add(start, *(_slice(part, start) for part in head))
            columns.append(seen.columns())
            log_totals.append(seen.log_totals())
            if ctx.needs_input_grad[0]:
                gradients.append(head[0][wanted] - seen.expected)
        if gradients:
            kept = (hidden.to(dtype), weight, bias, targets, torch.cat(log_totals))
            of_head = kept if ctx.needs_input_grad[1] else ()
            ctx.save_for_backward(torch.cat(gradients), *of_head)
        ctx.dtype = hidden.dtype
        log_probs, entropy, mean_logits, is_top1 = map(torch.cat, zip(*columns, strict=True))
        ctx.mark_non_differentiable(entropy, mean_logits, is_top1)
        return log_probs, entropy, mean_logits, is_top1

    @staticmethod
    def backward(ctx, grad_log_probs, *_):  # type: ignore[no-untyped-def]
        """Chain rule with the gradient that the forward pass has kept."""
        gradient, *kept = ctx.saved_tensors
        of_head = head_gradient(grad_log_probs, *kept) if kept else (None, None)
        return (grad_log_probs[:, None] * gradient).to(ctx.dtype), *of_head, None


def _slice(part: torch.Tensor | None, start: int) -> torch.Tensor | None:
    return None if part is None else part[start : start + CHUNK_VOCABULARY]


class _Seen:
    """What is known of n tokens after some slices of the vocabulary, in float32."""

    def __init__(
        self, states: torch.Tensor, targets: torch.Tensor, *, needs_gradient: bool
    ) -> None:
        self._states, self._targets = states, targets
        column = states.new_zeros(len(states), dtype=torch.float32)
        self._normaliser = torch.full_like(column, -torch.inf)  # log Σ exp z
        self._top = torch.full_like(column, -torch.inf)
        self._wanted = column.clone()  # z of the target
        self._mean = column.clone()  # Σ p z
        self._sum = column.clone()  # Σ z
        self._num_logits = 0
        self.expected: torch.Tensor | None = None  # Σ p W, (n, H)
        if needs_gradient:
            self.expected = states.new_zeros(states.shape, dtype=torch.float32)

    def add(self, start: int, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        """Take in the tokens from `start` on, whose rows of the head are `weight` and `bias`."""
        logits = torch.nn.functional.linear(self._states, weight, bias).float()
        top = logits.amax(dim=-1)
        # One kernel; with it, log Σ exp z = z_top - log p_top.
        probabilities = torch.softmax(logits, dim=-1)
        normaliser = top - probabilities.amax(dim=-1).log()
        self._normaliser = torch.logaddexp(self._normaliser, normaliser)
        share = (normaliser - self._normaliser).exp()
        self._mean.lerp_(torch.linalg.vecdot(probabilities, logits), share)
        if self.expected is not None:
            expected = probabilities.to(weight.dtype) @ weight
            self.expected.lerp_(expected.float(), share[:, None])
        self._sum += logits.sum(dim=-1)
        self._num_logits += len(weight)
        self._top = torch.maximum(self._top, top)
        self._wanted = _of_targets(logits, self._targets - start, self._wanted)

    def log_totals(self) -> torch.Tensor:
        """log Σ exp z, (n,)."""
        return self._normaliser

    def columns(self) -> tuple[torch.Tensor, ...]:
        """The four columns of TokenScores, each (n,). The entropy is log Σ exp z - Σ p z."""
        return (
            self._wanted - self._normaliser,
            self._normaliser - self._mean,
            self._sum / self._num_logits,
            self._wanted == self._top,
        )
