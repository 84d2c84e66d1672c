"""The kinds of run, for the worker; never imports torch.

The server's own list is `storage.enums.RunKind`: neither side knows the other, and a test holds
them equal.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """What the worker has to know of runs of a kind."""

    module: str | None
    """Its `run(context)` carries one out; None: no version can yet."""
    trains: bool = False
    """It changes weights, and several processes can do so together."""


KINDS = {
    "generate": Kind("trainer.generation.generate"),
    "label": Kind(None),
    "sft": Kind("trainer.recipes.sft", trains=True),
    "reward": Kind("trainer.recipes.reward", trains=True),
    "dpo": Kind("trainer.recipes.dpo", trains=True),
    "export": Kind("trainer.exporting.export"),
}
"""By the name that `run.json` has for it."""
