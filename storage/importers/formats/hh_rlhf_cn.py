"""hh_rlhf_cn: context, chosen and rejected as turns of {"role", "text"}."""

from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import Parsed, checked_pair
from storage.importers.roles import answer_of, is_messages, messages_of

NAME = "hh_rlhf_cn"
COLUMNS = frozenset({"context", "chosen", "rejected"})


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has a list of turns as context, and one turn on either side."""
    return is_messages(row.get("context")) and all(
        isinstance(row.get(side), Mapping) for side in ("chosen", "rejected")
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the chosen answer as a."""
    return checked_pair(
        messages_of(row["context"]),
        answer_of(row["chosen"]),
        answer_of(row["rejected"]),
        verdict=Verdict.A,
    )
