"""hh_rlhf_cn: context, chosen and rejected as turns of {"role", "text"}."""

from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import (
    NOT_TEXT,
    Dropped,
    Parsed,
    checked_pair,
    is_messages,
    messages_of,
)

NAME = "hh_rlhf_cn"


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has a list of turns as context, and one turn on either side."""
    return is_messages(row.get("context")) and all(
        isinstance(row.get(side), Mapping) and "text" in row[side]
        for side in ("chosen", "rejected")
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the chosen answer as a."""
    chosen, rejected = row["chosen"]["text"], row["rejected"]["text"]
    if not isinstance(chosen, str) or not isinstance(rejected, str):
        return Dropped(NOT_TEXT)
    messages = messages_of(row["context"], content_key="text")
    return checked_pair(messages, chosen, rejected, verdict=Verdict.A)
