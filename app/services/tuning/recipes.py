"""The recipes that the Train screen and /start_run offer: what each is called, and its runs."""

from dataclasses import dataclass

from storage.enums import RunKind


@dataclass(frozen=True)
class Recipe:
    """One way to train, as one or two runs that follow each other."""

    name: str
    """On the screen."""
    kinds: tuple[RunKind, ...]
    purpose: str = ""
    """What it does, in a sentence; without one the screen does not offer it."""


RECIPES = {
    "dpo": Recipe(
        "DPO",
        (RunKind.DPO,),
        "Moves the model towards chosen answers and away from rejected ones.",
    ),
    "sft_dpo": Recipe(
        "SFT then DPO",
        (RunKind.SFT, RunKind.DPO),
        "First learns to write the chosen answers, then prefers them.",
    ),
    "sft": Recipe("SFT", (RunKind.SFT,)),
    "reward": Recipe(
        "Reward model",
        (RunKind.REWARD,),
        "Learns to score answers, so that it can judge pairs later.",
    ),
}
"""By the name that scripts and the table of runs have for it."""
