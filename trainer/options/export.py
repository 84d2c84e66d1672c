"""What an export run is to make; never imports torch."""

import re
from dataclasses import dataclass

from trainer.options.fields import OptionGroup, option

TARGETS = ("adapter", "merged", "gguf")
# float16 first: its steps are eight times finer than bfloat16's, so that answers stay the same.
WEIGHTS = {
    "merged": ("float16", "bfloat16", "float32"),
    "gguf": ("float16", "bfloat16", "q8_0"),
}
# The hub's own rule for names: what it takes, and no -- or .. in it.
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPOSITORY = re.compile(rf"(?!.*(?:--|\.\.|\.git$)){_PART}/{_PART}")


@dataclass(frozen=True)
class ExportOptions(OptionGroup):
    """The object `options` of an export run's `run.json`."""

    target: str = option(
        "merged",
        "merged is a model folder, gguf one file, adapter the adapter as it is, to a hub.",
        choices=TARGETS,
    )
    weights: str | None = option(
        None, "Dtype or quantisation that is written; null is the first of WEIGHTS."
    )
    repository: str | None = option(
        None, "Send the result to this hub repository as well, such as name/model."
    )
    private: bool = option(
        True, "Whether a repository that is made anew can be seen by its owner alone."
    )

    def contradictions(self) -> list[str]:
        """Weights that the target does not take, and a repository that is none or missing."""
        found = []
        choices = WEIGHTS.get(self.target, ())
        if self.weights is not None and self.weights not in choices:
            found.append(
                f"The weights of {self.target} cannot be {self.weights!r}; "
                f"choose {', '.join(choices) or 'none'}."
            )
        if self.repository is not None and (problem := repository_problem(self.repository)):
            found.append(problem)
        if self.target == "adapter" and self.repository is None:
            found.append("Name the repository on the hub that the adapter is to be sent to.")
        return found

    def stored_as(self) -> str:
        """The dtype or quantisation that is written, such as `float16`."""
        return self.weights or WEIGHTS[self.target][0]


def repository_problem(name: str) -> str | None:
    """Why the hub can have no repository of this name; None when it can."""
    if _REPOSITORY.fullmatch(name):
        return None
    return (
        f"{name!r:.100} is no name of a hub repository. Write it as owner/name, with letters, "
        "digits, - _ and dots."
    )
