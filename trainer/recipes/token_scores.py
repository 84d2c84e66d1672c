"""Log-probabilities of given tokens without making the logits of the whole vocabulary.

For hidden states h (N, H), the LM head's weight W (V, H) and targets y (N,), log p = z[y] - log Σ
exp z with z = W h. Its gradient by h is W[y] - Σ_v p[v] W[v], which needs only what the forward
pass has at hand: it is computed there and kept as (N, H) instead of (N, V). Where W is trained too,
its own gradient is made on the way back (see head_gradient). The vocabulary is
gone through in slices whose logits stay in the processor's cache; means over the slices so far
are brought up to date with each slice's share of the probability, as FlashAttention does it along
a row (Dao et al., arXiv:2205.14135, section 3.1).
"""

from dataclasses import dataclass

import torch

from trainer.recipes.head_gradient import CHUNK_VOCABULARY, head_gradient

CHUNK_TOKENS = 512


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
    """The gradient goes to the hidden states, and to the head if it is trained."""

    @staticmethod
    def forward(ctx, hidden, weight, bias, targets):  # type: ignore[no-untyped-def]
        """Return log_probs, entropy, mean_logits and is_top1, each (N,)."""
        device = hidden.device.type
        autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if autocast else hidden.dtype
        head = weight.to(dtype), None if bias is None else bias.to(dtype)
        columns, gradients, log_totals = [], [], []
        for states, wanted in zip(
            hidden.to(dtype).split(CHUNK_TOKENS), targets.split(CHUNK_TOKENS), strict=True
        ):
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
        self._best = torch.full_like(targets, -1)  # the index of the top
        self._wanted = column.clone()  # z of the target
        self._mean = column.clone()  # Σ p z
        self._sum = column.clone()  # Σ z
        self._num_logits = 0
        self.expected: torch.Tensor | None = None  # Σ p W, (n, H)
        if needs_gradient:
            self.expected = states.new_zeros(states.shape, dtype=torch.float32)

    def add(self, start: int, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        """Take in the tokens from `start` on, whose rows of the head are `weight` and `bias`."""
        rounded = torch.nn.functional.linear(self._states, weight, bias)
        top, best = rounded.max(dim=-1)
        logits = rounded.float()
        # One kernel; with it, log Σ exp z = z_top - log p_top.
        probabilities = torch.softmax(logits, dim=-1)
        normaliser = top.float() - probabilities.amax(dim=-1).log()
        self._normaliser = torch.logaddexp(self._normaliser, normaliser)
        share = (normaliser - self._normaliser).exp()
        self._mean.lerp_(torch.linalg.vecdot(probabilities, logits), share)
        if self.expected is not None:
            expected = probabilities.to(weight.dtype) @ weight
            self.expected.lerp_(expected.float(), share[:, None])
        self._sum += logits.sum(dim=-1)
        self._num_logits += len(weight)
        self._best = torch.where(top > self._top, best + start, self._best)
        self._top = torch.maximum(self._top, top.float())
        place = self._targets - start
        is_here = (place >= 0) & (place < len(weight))
        found = logits.gather(1, place.clamp(0, len(weight) - 1)[:, None])[:, 0]
        self._wanted = torch.where(is_here, found, self._wanted)

    def log_totals(self) -> torch.Tensor:
        """log Σ exp z, (n,)."""
        return self._normaliser

    def columns(self) -> tuple[torch.Tensor, ...]:
        """The four columns of TokenScores, each (n,). The entropy is log Σ exp z - Σ p z."""
        return (
            self._wanted - self._normaliser,
            self._normaliser - self._mean,
            self._sum / self._num_logits,
            self._best == self._targets,
        )
