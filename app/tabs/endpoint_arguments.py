"""Checks what a script sends to an endpoint against the types that the endpoint names.

Gradio passes any JSON on as it is; without this a wrong type would surface as an unexpected error.
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

from storage.errors import InputError

WORDS = {
    int: "a whole number",
    str: "a text",
    bool: "true or false",
    dict: "an object",
    types.NoneType: "null",
}


def check_arguments(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a call whose arguments are of another type than the endpoint's annotations say.

    All that is wrong is said at once, by InputError. Annotations are one of WORDS, or several
    joined by |; the parameters self and request are not checked.
    """
    signature = inspect.signature(endpoint)
    expected = {
        name: _kinds(parameter.annotation)
        for name, parameter in signature.parameters.items()
        if name not in ("self", "request")
    }

    @functools.wraps(endpoint)
    def checked(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        problems = [
            f"{name} must be {' or '.join(WORDS[kind] for kind in kinds)}, not {given[name]!r:.60}."
            for name, kinds in expected.items()
            if name in given and type(given[name]) not in kinds
        ]
        if problems:
            raise InputError(f"{endpoint.__name__} cannot work: {' '.join(problems)}")
        return endpoint(*args, **kwargs)

    return checked


def _kinds(annotation: Any) -> tuple[type, ...]:
    if isinstance(annotation, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)
