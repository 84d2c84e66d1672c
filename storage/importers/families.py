"""All format families, in the order in which they are asked. Knows no database."""

from collections.abc import Mapping
from typing import Any, Protocol

from storage.importers.formats import (
    alpaca_ranking,
    argilla,
    chatbot_arena,
    distilabel,
    full_hh,
    helpsteer,
    hh_rlhf_cn,
    hh_rlhf_raw,
    kto,
    label_studio,
    ms_swift,
    nectar,
    numbered_answers,
    oasst,
    openai_preference,
    plain_columns,
    potato,
    prompts_only,
    sharegpt_ranking,
    shp,
    summarize_feedback,
    trl_conversational,
    trl_standard,
    two_answers,
    ultrafeedback,
)
from storage.importers.parsed import Parsed


class Family(Protocol):
    """What a module of one format family offers."""

    NAME: str
    COLUMNS: frozenset[str]
    """Columns that the family reads; a row's other columns are kept as metadata."""

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Whether the row has this family's shape."""

    def parse(self, row: Mapping[str, Any]) -> Parsed:
        """Read a row of this family's shape."""


# The first that recognises a row reads it, so what has more marks comes before what has fewer:
# a raw dialogue also looks like two plain texts, and a scored pair like one without scores.
FAMILIES: tuple[Family, ...] = (
    hh_rlhf_raw,
    full_hh,
    hh_rlhf_cn,
    ultrafeedback,
    distilabel,
    chatbot_arena,
    helpsteer,
    openai_preference,
    ms_swift,
    sharegpt_ranking,
    trl_conversational,
    alpaca_ranking,
    plain_columns,
    trl_standard,
    two_answers,
    argilla,
    label_studio,
    potato,
    nectar,
    shp,
    numbered_answers,
    summarize_feedback,
    oasst,
    kto,
    prompts_only,
)


def family_of(row: Mapping[str, Any]) -> Family | None:
    """Return the family that reads the row, or None if its format is unknown."""
    return next((family for family in FAMILIES if family.recognises(row)), None)
