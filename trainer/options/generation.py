"""Options of sampling and of a generate run. Light: never imports torch."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from trainer.errors import TrainerError

MAX_SEED = 2**63 - 1

Options = TypeVar("Options")


def _option(default: Any, text: str, *, unit: str = "", advanced: bool = False) -> Any:
    """A field with the words that a form shows beside it."""
    return field(default=default, metadata={"help": text, "unit": unit, "advanced": advanced})


@dataclass(frozen=True)
class SamplingOptions:
    """How tokens are drawn from the model's distribution."""

    temperature: float = _option(
        0.9, "Higher answers differ more; 0 always takes the likeliest token."
    )
    top_p: float = _option(
        0.95, "Draw only from the likeliest tokens that together have this probability."
    )
    max_new_tokens: int = _option(256, "An answer is cut off after this many.", unit="tokens")
    seed: int = _option(0, "The same seed and options give the same answers.")
    repetition_penalty: float = _option(
        1.0, "Divides the scores of tokens already used; 1 changes nothing.", advanced=True
    )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Options from JSON, defaults for what is missing; TrainerError lists every problem."""
        options = _from_dict(cls, values, "sampling")
        raise_problems(options.problems())
        return options

    def problems(self) -> list[str]:
        """Everything that is wrong, one sentence each; empty when all is well."""
        rules = {
            f"temperature is {self.temperature!r}; it must be a number from 0 to 5.": _is_number(
                self.temperature
            )
            and 0 <= self.temperature <= 5,
            f"top_p is {self.top_p!r}; it must be a number over 0 and up to 1.": _is_number(
                self.top_p
            )
            and 0 < self.top_p <= 1,
            f"max_new_tokens is {self.max_new_tokens!r}; "
            "it must be a whole number from 1 to 32768.": _is_whole(self.max_new_tokens)
            and 1 <= self.max_new_tokens <= 32768,
            f"seed is {self.seed!r}; it must be a whole number from 0 to 2^63 - 1.": _is_whole(
                self.seed
            )
            and 0 <= self.seed <= MAX_SEED,
            f"repetition_penalty is {self.repetition_penalty!r}; "
            "it must be a number from 0.5 to 5.": _is_number(self.repetition_penalty)
            and 0.5 <= self.repetition_penalty <= 5,
        }
        return [problem for problem, holds in rules.items() if not holds]


@dataclass(frozen=True)
class GenerationOptions:
    """How a generate run goes about its prompts."""

    batch_size: int = _option(
        16, "Prompts worked on at a time; two answers are sampled for each.", unit="prompts"
    )
    max_attempts: int = _option(
        3, "How often an answer that cannot be used is sampled before its pair is given up."
    )
    keep_cut_off: bool = _option(
        False, "Keep answers that were cut off at max_new_tokens.", advanced=True
    )

    def problems(self) -> list[str]:
        """Everything that is wrong, one sentence each; empty when all is well."""
        rules = {
            f"batch_size is {self.batch_size!r}; it must be a whole number from 1 to 1024.": (
                _is_whole(self.batch_size) and 1 <= self.batch_size <= 1024
            ),
            f"max_attempts is {self.max_attempts!r}; it must be a whole number from 1 to 20.": (
                _is_whole(self.max_attempts) and 1 <= self.max_attempts <= 20
            ),
            f"keep_cut_off is {self.keep_cut_off!r}; it must be true or false.": isinstance(
                self.keep_cut_off, bool
            ),
        }
        return [problem for problem, holds in rules.items() if not holds]


@dataclass(frozen=True)
class GenerateOptions:
    """All options of a generate run, in the groups of its `run.json`."""

    sampling: SamplingOptions = SamplingOptions()
    generation: GenerationOptions = GenerationOptions()
    quantization: Mapping[str, Any] | None = None  # as bitsandbytes names them; None: unquantised

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Options from `run.json`; `{}` gives the defaults. TrainerError lists every problem."""
        unknown = sorted(set(values) - {"sampling", "generation", "quantization"})
        raise_problems([f"{name!r} is no group of options of a generate run." for name in unknown])
        quantization = values.get("quantization")
        if not isinstance(quantization, Mapping | None):
            raise TrainerError("quantization must be an object with options, or null for none.")
        options = cls(
            sampling=_from_dict(SamplingOptions, values.get("sampling", {}), "sampling"),
            generation=_from_dict(GenerationOptions, values.get("generation", {}), "generation"),
            quantization=quantization,
        )
        raise_problems(options.problems())
        return options

    def problems(self) -> list[str]:
        """Everything that is wrong, one sentence each; empty when all is well."""
        problems = self.sampling.problems() + self.generation.problems()
        if self.sampling.temperature == 0:
            problems.append(
                "temperature 0 gives two equal answers to every prompt, so there is nothing to "
                "choose from. Take a temperature over 0, for example 0.9."
            )
        return problems


def raise_problems(problems: list[str]) -> None:
    """Raise one TrainerError with all problems, if there are any."""
    if problems:
        raise TrainerError(" ".join(problems))


def _from_dict(cls: type[Options], values: Any, group: str) -> Options:
    if not isinstance(values, Mapping):
        raise TrainerError(f"The options in {group!r} must be an object with names and values.")
    known = [option.name for option in dataclasses.fields(cls)]  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    raise_problems([f"{group} has no option {name!r}: {', '.join(known)}." for name in unknown])
    return cls(**values)


def _is_number(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)  # type: ignore[arg-type]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
