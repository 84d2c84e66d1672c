"""What the processes of one run ask each other; a run in one process asks nobody."""

from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather_object

from trainer.runs.context import num_ranks


def any_rank(flag: bool) -> bool:
    """Whether the flag is true in any process; every process must ask, and all get one answer."""
    if num_ranks() == 1:
        return flag
    return any(all_parts([flag]))


def all_parts(part: list[Any]) -> list[Any]:
    """The parts of all processes as one list, in the processes' order."""
    return part if num_ranks() == 1 else gather_object(part)


def wait_for_all() -> None:
    """Wait until every process is here."""
    if num_ranks() > 1 and torch.distributed.is_initialized():
        PartialState().wait_for_everyone()
