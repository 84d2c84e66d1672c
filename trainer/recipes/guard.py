"""Keeps a training run from going on with numbers that are not finite.

A mixin for TRL's trainers. The check stands before the optimiser's step, and the weights that
last gave a finite loss are remembered, so a run that breaks still leaves its last good adapter.
"""

from typing import Any

import torch

from trainer.errors import TrainerError


class NonFiniteLossError(TrainerError):
    """The loss is no longer a number."""


class FiniteLossMixin:
    """Stops at the first loss that is not finite."""

    _last_good: dict[str, torch.Tensor] | None = None

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """One forward and backward pass; raises NonFiniteLossError before a bad step is taken."""
        loss = super().training_step(*args, **kwargs)  # type: ignore[misc]
        if not torch.isfinite(loss):
            step = self.state.global_step + 1  # type: ignore[attr-defined]
            raise NonFiniteLossError(
                f"The loss is not a number any more at step {step}. The adapter from before is "
                "kept. Try again with a smaller learning rate."
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

    def _trained_weights(self) -> list[tuple[str, torch.Tensor]]:
        model = self.model  # type: ignore[attr-defined]
        return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
