"""Keeps a training run from going on with numbers that are not finite.

A mixin for TRL's trainers. The check stands before the optimiser's step, and the weights that
last gave a finite loss are remembered, so a run that breaks still leaves its last good adapter.
"""

from typing import Any

import torch

from trainer.errors import TrainerError
from trainer.recipes.ranks import any_rank

_ADVICE = "The adapter from before is kept. Try again with a smaller learning rate."


class NonFiniteLossError(TrainerError):
    """The model is broken: its loss is no longer a number, or nothing moves it."""


class FiniteLossMixin:
    """Stops at the first loss that is not finite, and when nothing can be learnt any more.

    Weights may grow until the model's norms overflow to zero: its loss is then finite for good.
    """

    _last_good: dict[str, torch.Tensor] | None = None

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """One forward and backward pass; raises NonFiniteLossError before a bad step is taken."""
        loss = super().training_step(*args, **kwargs)  # type: ignore[misc]
        step = self.state.global_step + 1  # type: ignore[attr-defined]
        if any_rank(not torch.isfinite(loss)):
            raise NonFiniteLossError(f"The loss is not a number any more at step {step}. {_ADVICE}")
        if any_rank(bool(loss != 0) and self._has_no_gradient()):
            raise NonFiniteLossError(
                f"The adapter has broken the model by step {step}: it answers the same to all, "
                f"and nothing changes that any more. {_ADVICE}"
            )
        self._last_good = {
            name: weight.detach().clone() for name, weight in self._trained_weights()
        }
        return loss

    def restore_last_good(self) -> bool:
        """Put the last good weights back; False when no step ever gave a finite loss."""
        if self._last_good is None:
            return False
        with torch.no_grad():
            for name, weight in self._trained_weights():
                weight.copy_(self._last_good[name])
        return True

    def has_finite_weights(self) -> bool:
        """Whether every trained weight is a number."""
        return all(bool(torch.isfinite(weight).all()) for _, weight in self._trained_weights())

    def _has_no_gradient(self) -> bool:
        """Whether the gradient is exactly zero everywhere, as no model that works has it."""
        gradients = [weight.grad for _, weight in self._trained_weights()]
        return not any(gradient is not None and gradient.any() for gradient in gradients)

    def _trained_weights(self) -> list[tuple[str, torch.Tensor]]:
        model = self.model  # type: ignore[attr-defined]
        return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
