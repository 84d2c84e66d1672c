"""Option dataclasses: what a form needs to know of a field, its bounds, and reading it from JSON.

All kinds of runs read and check their options here; never imports torch.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from trainer.errors import TrainerError

Group = TypeVar("Group", bound="OptionGroup")
_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "a word",
    bool: "true or false",
    tuple: "a list of words",
    dict: "an object",
    types.NoneType: "null",
}


@dataclass(frozen=True)
class About:
    """What a form shows beside an option, and which values it takes."""

    help: str
    unit: str = ""
    group: str = "Learning"  # Preference, Learning, Adapter or Memory
    advanced: bool = False
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    over: float | None = None  # like least, but this value itself is refused
    below: float | None = None  # like most, but this value itself is refused

    def problem(self, name: str, value: Any) -> str | None:
        """Why this value of the option `name` is refused, if it is; NaN keeps no bound."""
        if self.choices and value not in self.choices:
            return f"{name} is {value!r}; choose one of {', '.join(self.choices)}."
        holds = (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.over is None or value > self.over)
            and (self.below is None or value < self.below)
        )
        return None if holds else f"{name} is {value!r}; it must be {self.bounds}."

    @property
    def bounds(self) -> str:
        """The bounds in words, such as `from 0 to below 0.5`; nothing where there are none."""
        if self.most is None and self.below is None:
            if self.least is None and self.over is None:
                return ""
            return f"over {self.over}" if self.least is None else f"{self.least} or more"
        end = f"{self.most}" if self.below is None else f"below {self.below}"
        if self.least is None:
            return f"over {self.over} and up to {end}"
        return f"from {self.least} to {end}"


def option(default: Any, help: str, **about: Any) -> Any:
    """A dataclass field with its default, and what About says of it: help, unit, bounds, ..."""
    return dataclasses.field(default=default, metadata={"about": About(help, **about)})


@dataclass(frozen=True)
class OptionGroup:
    """Base of the option dataclasses: their fields are made by `option`, or are groups again."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, defaults: Self | None = None) -> Self:
        """Read options; what is missing stays as in `defaults` (the class's own without them).

        Raises TrainerError naming each unknown option and each value of the wrong kind; whether
        the values can work is told by `problems`.
        """
        return _read(defaults or cls(), data, "")

    def to_dict(self) -> dict[str, Any]:
        """The options for JSON; `from_dict` gives them back."""
        return dataclasses.asdict(self)

    def problems(self) -> list[str]:
        """Everything that is wrong, one sentence each; empty when all is well."""
        found = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, OptionGroup):
                found += value.problems()
            elif field.metadata and (problem := field.metadata["about"].problem(field.name, value)):
                found.append(problem)
        return found + self.contradictions()

    def contradictions(self) -> list[str]:
        """What is wrong beyond the bounds of single options, one sentence each."""
        return []

    def checked(self) -> Self:
        """These options, if they can work; raises TrainerError with everything that is wrong."""
        _raise_all(self.problems())
        return self


def _read(defaults: Group, data: Mapping[str, Any], path: str) -> Group:
    """`defaults` with the values of `data` put in; `path` leads to the group, as in `training.`.

    A form's 3.0 is taken as the whole number 3, and a whole number is taken for a decimal one.
    """
    kinds = typing.get_type_hints(type(defaults))
    values, problems = {}, []
    unknown = [f"{path}{name}" for name in data if name not in kinds]
    if unknown:
        known = ", ".join(kinds)
        problems.append(f"There is no option {', '.join(unknown)}. Known are: {known}.")
    for field in (field for field in dataclasses.fields(defaults) if field.name in data):
        default = getattr(defaults, field.name)
        try:
            values[field.name] = _value(data[field.name], kinds[field.name], default, field, path)
        except TrainerError as error:
            problems.append(str(error))
    found = dataclasses.replace(defaults, **values)
    _raise_all(problems and problems + found.problems())  # what could be read is checked as well
    return found


def _value(given: Any, kind: Any, default: Any, field: dataclasses.Field[Any], path: str) -> Any:
    """The value as an option of this kind; raises TrainerError where it is none."""
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    is_words = isinstance(given, list) and all(isinstance(item, str) for item in given)
    value: Any = tuple(given) if is_words else given
    for candidate in kinds:
        origin = typing.get_origin(candidate) or candidate
        if issubclass(origin, OptionGroup):
            if isinstance(value, Mapping):
                return _read(default or origin(), value, f"{path}{field.name}.")
        elif origin is int and isinstance(value, float) and value.is_integer():
            return int(value)
        elif origin is float and type(value) is int:
            return float(value)
        elif type(value) is origin and not (origin is float and not math.isfinite(value)):
            return value
    words = " or ".join(_WORDS.get(typing.get_origin(k) or k, _WORDS[dict]) for k in kinds)
    if field.metadata and (bounds := field.metadata["about"].bounds):
        words += f", {bounds}"
    raise TrainerError(f"The option {path}{field.name} is {given!r:.100}, but it must be {words}.")


def _raise_all(problems: list[str]) -> None:
    if problems:
        raise TrainerError(" ".join(problems))
