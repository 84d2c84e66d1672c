"""What a script sends to the import endpoints becomes import options; each value is checked."""

from typing import Any

from app.services.imports.importing import ImportOptions, Part
from app.tabs.endpoint_arguments import check_arguments
from storage.errors import InputError

_OPTIONS = ("prompts_only", "columns", "every_pair")


@check_arguments
def part_of_dataset(subset: str | None, split: str | None) -> Part:
    """Return the part of a dataset; raises InputError for what is no text."""
    return Part(subset, split)


def import_options(source: str, given: dict[str, Any]) -> ImportOptions:
    """Return how a source is to be understood.

    Raises:
        InputError: an option is unknown, or its value of another type.
    """
    if unknown := [name for name in given if name not in _OPTIONS]:
        raise InputError(
            f"An import knows no option {', '.join(unknown)}. Known are {', '.join(_OPTIONS)}, "
            "and for datasets subset and split."
        )
    return options(source, **given)


@check_arguments
def options(
    source: str,
    *,
    prompts_only: bool = False,
    columns: dict | None = None,
    every_pair: bool = False,
) -> ImportOptions:
    """Return the options, each of which was given by its name."""
    names = columns or {}
    if not all(isinstance(name, str) for name in names.values()):
        raise InputError('columns must name a column for each column, such as {"frage": "prompt"}.')
    return ImportOptions(source, None, prompts_only, every_pair, names)
