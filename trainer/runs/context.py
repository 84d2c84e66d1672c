"""What every kind of run is given by the worker, and how it says that it was stopped."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.errors import TrainerError
from trainer.runs import run_folder
from trainer.runs.event_log import EventWriter
from trainer.runs.lock import stop_asked
from trainer.runs.run_folder import RunSpec


def rank() -> int:
    """Number of this process among those that carry out the run together; 0 writes for all."""
    return int(os.environ.get("RANK", "0"))


def num_ranks() -> int:
    """How many processes carry out the run together, as torchrun and accelerate set it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@dataclass(frozen=True)
class RunContext:
    """One run in one worker process."""

    folder: Path  # the run folder
    spec: RunSpec
    data_folder: Path  # where models and caches are kept
    device: str  # auto, cpu or cuda
    events: EventWriter

    def stop_asked(self) -> bool:
        """Whether a clean stop was asked for; look between steps."""
        return stop_asked(self.folder)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """One frozen input of the run, for example `train.jsonl`."""
        return run_folder.read_rows(self.folder, name)


class Cancelled(Exception):
    """The run was stopped as asked; carries the fields of the `cancelled` event."""

    def __init__(self, **fields: Any) -> None:
        super().__init__("The run was stopped as asked.")
        self.fields = fields


class RunFailed(TrainerError):
    """The run failed after it made something; carries more fields of the `failed` event."""

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.fields = fields
