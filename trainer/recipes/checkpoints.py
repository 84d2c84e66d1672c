"""Checkpoints that can be trusted: complete or not there, with all that a resumed run goes on from.

A mixin for TRL's trainers, and the choice of the checkpoint to resume from.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import TrainerState

from trainer.errors import TrainerError, is_disk_full
from trainer.private.trl import (
    CHECKPOINT_PREFIX,
    CHECKPOINT_STATE,
    CheckpointHook,
    count_tokens_from,
    num_tokens_seen,
)

CHECKPOINTS = "checkpoints"  # folder in the run folder


class CheckpointMixin(CheckpointHook):
    """Counts tokens from the run's first start on, and removes what was written in part."""

    def write_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Write a checkpoint; raises TrainerError, with the one before it kept, if that fails."""
        state: TrainerState = self.state  # type: ignore[attr-defined]
        state.num_input_tokens_seen = num_tokens_seen(self)
        try:
            super().write_checkpoint(*args, **kwargs)
        except (OSError, RuntimeError, SafetensorError) as error:
            folder = Path(self.args.output_dir)  # type: ignore[attr-defined]
            shutil.rmtree(_path_of(folder, state.global_step), ignore_errors=True)
            raise _not_written(state.global_step, folder, error) from error

    def count_on(self, checkpoint: str) -> None:
        """Let TRL's metric num_tokens go on from a checkpoint instead of from 0."""
        state = TrainerState.load_from_json(str(Path(checkpoint) / CHECKPOINT_STATE))
        count_tokens_from(self, state.num_input_tokens_seen)


def usable_checkpoint(checkpoints: Path) -> str | None:
    """The last checkpoint that was written to its end (its state file comes last), or None."""
    return next(reversed(complete_checkpoints(checkpoints)), None)


def complete_checkpoints(checkpoints: Path) -> list[str]:
    """The checkpoints that were written to their end, in the order of their steps."""
    found = checkpoints.glob(f"{CHECKPOINT_PREFIX}-*")
    return [str(path) for path in sorted(found, key=_step) if _is_complete(path)]


def step_of(checkpoint: str | None) -> int:
    """The step after which a checkpoint was written; 0 for none."""
    return _step(Path(checkpoint)) if checkpoint else 0


def _not_written(step: int, checkpoints: Path, error: Exception) -> TrainerError:
    kept = step_of(usable_checkpoint(checkpoints))
    then = f"It goes on from the checkpoint of step {kept}." if kept else "It begins anew."
    if is_disk_full(error):
        reason, advice = "the disk is full", "Free some space, then resume the run."
    else:
        reason, advice = str(error).splitlines()[0], "Mend that, then resume the run."
    return TrainerError(
        f"The checkpoint of step {step} could not be written: {reason}. {advice} {then}"
    )


def _is_complete(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / CHECKPOINT_STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _path_of(checkpoints: Path, step: int) -> Path:
    return checkpoints / f"{CHECKPOINT_PREFIX}-{step}"


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
