"""All formats that preferences can be written in, in the order in which screens list them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from storage.errors import InputError
from storage.exporters.formats import (
    csv_table,
    datasets_folder,
    hh_rlhf_cn,
    hub_dataset,
    kto,
    openai_preference,
    parquet_table,
    sharegpt_ranking,
    trl_conversational,
    trl_standard,
    two_answers,
    ultrafeedback,
)
from storage.exporters.judged_pairs import JudgedPair, Shape
from storage.exporters.writing import Row


class Format(Protocol):
    """What a module of one format offers."""

    NAME: str
    """What scripts call it by."""
    TITLE: str
    PURPOSE: str
    """Who reads it, in one line."""
    LACKS: str
    """What it cannot carry, in one line."""
    SHAPE: Shape
    ROWS_PER_PAIR: int

    def rows(self, pair: JudgedPair) -> list[Row]:
        """Return the rows that stand for a pair."""

    def write(self, rows: Iterable[Row], folder: Path) -> None:
        """Write at least one row into an empty folder, as one or more files."""


FORMATS: tuple[Format, ...] = (
    trl_conversational,
    trl_standard,
    kto,
    two_answers,
    sharegpt_ranking,
    openai_preference,
    hh_rlhf_cn,
    ultrafeedback,
    csv_table,
    parquet_table,
    datasets_folder,
    hub_dataset,
)


def format_named(name: str) -> Format:
    """Return the format that scripts call by this name.

    Raises:
        InputError: there is none.
    """
    for found in FORMATS:
        if name == found.NAME:
            return found
    known = ", ".join(found.NAME for found in FORMATS)
    raise InputError(f"There is no export format {name!r:.60}. Known are {known}.")
