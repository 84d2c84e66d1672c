"""Stanford Human Preferences: a post and two comments; labels 1 means that A is preferred."""

from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.formats.prompts_only import prompt_messages
from storage.importers.parsed import UNKNOWN_WINNER, Dropped, Parsed, checked_pair
from storage.importers.verdict_codes import number_of

NAME = "SHP"
_NAMES = ("history", "human_ref_A", "human_ref_B", "labels")
COLUMNS = frozenset({*_NAMES, "score_ratio"})

_WINNERS = {1.0: Verdict.A, 0.0: Verdict.B}


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has SHP's columns."""
    return all(name in row for name in _NAMES)


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair; its strength is the ratio of the comments' scores, 1 or more."""
    label = number_of(row["labels"])
    verdict = None if label is None else _WINNERS.get(label)
    if verdict is None:
        return Dropped(UNKNOWN_WINNER)
    a, b = row["human_ref_A"], row["human_ref_B"]
    return checked_pair(
        prompt_messages(row["history"]),
        a if isinstance(a, str) else None,
        b if isinstance(b, str) else None,
        verdict=verdict,
        strength=number_of(row.get("score_ratio")),
    )
