"""What an export run is to make; never imports torch."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from trainer.errors import TrainerError

TARGETS = ("adapter", "merged", "gguf")
# float16 first: its steps are eight times finer than bfloat16's, so that answers stay the same.
WEIGHTS = {
    "merged": ("float16", "bfloat16", "float32"),
    "gguf": ("float16", "bfloat16", "q8_0"),
}

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


@dataclass(frozen=True)
class ExportOptions:
    """The object `options` of an export run's `run.json`."""

    target: str = "merged"
    """`merged` is a model folder, `gguf` one file, `adapter` the adapter as it is, to a hub."""
    weights: str | None = None
    """The numbers that are written; None is the first of WEIGHTS for the target."""
    repository: str | None = None
    """Send the result to this hub repository as well, such as `name/model`."""
    private: bool = True
    """Whether a repository that is made anew can be seen by its owner alone."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read options; raises TrainerError with everything that is wrong."""
        unknown = sorted(data.keys() - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise TrainerError(f"There is no option {', '.join(unknown)} of an export.")
        options = cls(**data)
        problems = options.problems()
        if problems:
            raise TrainerError(" ".join(problems))
        return options

    def problems(self) -> list[str]:
        """Everything that is wrong, one sentence each; empty when all is well."""
        if self.target not in TARGETS:
            return [f"There is no export {self.target!r}; choose one of {', '.join(TARGETS)}."]
        found = []
        choices = WEIGHTS.get(self.target, ())
        if self.weights is not None and self.weights not in choices:
            found.append(
                f"The weights of {self.target} cannot be {self.weights!r}; "
                f"choose {', '.join(choices) or 'none'}."
            )
        if self.repository is not None and not (
            isinstance(self.repository, str) and _REPOSITORY.fullmatch(self.repository)
        ):
            found.append(f"{self.repository!r} is no hub repository; give one like name/model.")
        if self.target == "adapter" and self.repository is None:
            found.append("Name the repository on the hub that the adapter is to be sent to.")
        return found

    def stored_as(self) -> str:
        """The numbers that are written, such as `float16`."""
        return self.weights or WEIGHTS[self.target][0]
