"""Two answers side by side: {"prompt", "answer_a", "answer_b"} and, if judged, "winner"."""

from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import (
    NOT_TEXT,
    UNKNOWN_WINNER,
    Dropped,
    ImportedPrompt,
    Parsed,
    checked_pair,
)
from storage.importers.prompts_only import prompt_of

NAME = "two answers"

_WINNERS = {
    "a": Verdict.A,
    "b": Verdict.B,
    "tie": Verdict.TIE,
    "both_bad": Verdict.BOTH_BAD,
    None: None,
    "": None,
}


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row names a prompt and two answers."""
    return all(key in row for key in ("prompt", "answer_a", "answer_b"))


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair; without a winner it waits for labelling."""
    prompt = prompt_of(row["prompt"])
    if not isinstance(prompt, ImportedPrompt):
        return prompt
    a, b, winner = row["answer_a"], row["answer_b"], row.get("winner")
    if not isinstance(a, str) or not isinstance(b, str):
        return Dropped(NOT_TEXT)
    if not (winner is None or isinstance(winner, str)) or winner not in _WINNERS:
        return Dropped(UNKNOWN_WINNER)
    return checked_pair(prompt.messages, a, b, verdict=_WINNERS[winner])
