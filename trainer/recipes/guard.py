"""Keeps a training run from going on with values that are not finite.

A mixin for TRL's trainers. The check stands before the optimiser's step, and weights that gave a
finite loss are kept, so a run that breaks still leaves them: a copy of an adapter's at each step,
but of a full model, whose copy would take a quarter more memory, its checkpoints on disk.
"""

import functools
import shutil
from pathlib import Path
from typing import Any

import torch

from trainer.errors import TrainerError
from trainer.private.trl import load_weights
from trainer.recipes.checkpoints import complete_checkpoints, step_of
from trainer.recipes.ranks import any_rank
from trainer.runs.context import rank

NOTHING_KEPT = "It broke before a checkpoint had proved good, so nothing of it is kept."


class NonFiniteLossError(TrainerError):
    """The model is broken: its loss is no longer a number, or nothing moves it."""


class FiniteLossMixin:
    """Stops at the first loss that is not finite, and when nothing can be learnt any more.

    Weights may grow until the model's norms overflow to zero: its loss is then finite for good.
    """

    keeps_copy = True  # of the trained weights after each good step, in memory
    _last_good: list[torch.Tensor] | None = None

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """One forward and backward pass; raises NonFiniteLossError before a bad step is taken."""
        loss = super().training_step(*args, **kwargs)  # type: ignore[misc]
        step = self.state.global_step + 1  # type: ignore[attr-defined]
        if any_rank(not torch.isfinite(loss)):
            raise NonFiniteLossError(f"The loss is not a number any more at step {step}.")
        if any_rank(bool(loss != 0) and self._has_no_gradient()):
            raise NonFiniteLossError(
                f"Training has broken the model by step {step}: it answers the same to all, "
                "and nothing changes that any more."
            )
        if self.keeps_copy:
            self._last_good = [weight.detach().clone() for weight in self._trained_weights]
        else:
            self._drop_older_checkpoints()
        return loss

    def restore_last_good(self) -> str | None:
        """Put the last good weights back and say which they are; None when there are none."""
        if not self.keeps_copy:
            return self._restore_checkpoint()
        if self._last_good is None:
            return None
        with torch.no_grad():
            for weight, good in zip(self._trained_weights, self._last_good, strict=True):
                weight.copy_(good)
        return "The adapter from before is kept."

    def _restore_checkpoint(self) -> str | None:
        good = self._good_checkpoints()
        if not good:
            return None
        load_weights(self, good[-1])
        return f"The model of step {step_of(good[-1])} is kept."

    def _drop_older_checkpoints(self) -> None:
        """Drop the checkpoints before the newest one that has proved good."""
        for path in self._good_checkpoints()[:-1] if rank() == 0 else []:
            shutil.rmtree(path, ignore_errors=True)

    def _good_checkpoints(self) -> list[str]:
        """Those after which a step was taken, as it is only with a loss that is finite."""
        step = self.state.global_step  # type: ignore[attr-defined]
        found = complete_checkpoints(Path(self.args.output_dir))  # type: ignore[attr-defined]
        return [path for path in found if step_of(path) < step]

    def has_finite_weights(self) -> bool:
        """Whether every trained weight is a number."""
        return all(bool(torch.isfinite(weight).all()) for weight in self._trained_weights)

    def _has_no_gradient(self) -> bool:
        """Whether the gradient is exactly zero everywhere, as no model that works has it."""
        gradients = [weight.grad for weight in self._trained_weights]
        return not any(gradient is not None and gradient.any() for gradient in gradients)

    @functools.cached_property
    def _trained_weights(self) -> list[torch.Tensor]:
        """Kept, since looking for them among all modules takes longer than a look at them."""
        model = self.model  # type: ignore[attr-defined]
        return [weight for weight in model.parameters() if weight.requires_grad]
