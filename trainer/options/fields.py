"""Option dataclasses: what a form needs to know of a field, and reading them from JSON.

Works on any frozen dataclass whose fields were made by `option`; never imports torch.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from trainer.errors import TrainerError

Options = TypeVar("Options")


@dataclass(frozen=True)
class About:
    """What a form shows beside an option."""

    help: str
    unit: str = ""
    group: str = "Learning"  # Preference, Learning, Adapter or Memory
    advanced: bool = False
    choices: tuple[str, ...] = ()


def option(default: Any, about: About) -> Any:
    """A dataclass field with its default and what a form shows beside it."""
    return dataclasses.field(default=default, metadata=dataclasses.asdict(about))


def read(defaults: Options, data: Mapping[str, Any], group: str) -> Options:
    """`defaults` with the values of `data` put in; raises TrainerError naming what is wrong.

    A form's 3.0 is taken as the whole number 3, and a whole number is taken for a decimal one.
    """
    kinds = typing.get_type_hints(type(defaults))
    unknown = [name for name in data if name not in kinds]
    if unknown:
        raise TrainerError(
            f"There is no option {', '.join(f'{group}.{name}' for name in unknown)}. "
            f"Known are: {', '.join(kinds)}."
        )
    values = {name: _value(value, kinds[name], f"{group}.{name}") for name, value in data.items()}
    return dataclasses.replace(defaults, **values)  # type: ignore[type-var]


def _value(value: Any, kind: Any, name: str) -> Any:
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = tuple(value)
    for candidate in kinds:
        origin = typing.get_origin(candidate) or candidate
        if origin is int and isinstance(value, float) and value.is_integer():
            return int(value)
        if origin is float and type(value) is int:
            return float(value)
        if type(value) is origin and not (origin is float and not math.isfinite(value)):
            return value
    words = " or ".join(_WORDS[typing.get_origin(k) or k] for k in kinds)
    raise TrainerError(f"The option {name} is {value!r}, but it must be {words}.")


_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "a word",
    bool: "true or false",
    tuple: "a list of words",
    types.NoneType: "empty",
}
