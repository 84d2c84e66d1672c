"""Two answers side by side: {"prompt", "answer_a", "answer_b"} and, if judged, "winner"."""

from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.formats.prompts_only import prompt_messages
from storage.importers.parsed import (
    UNKNOWN_WINNER,
    Dropped,
    Judgement,
    Parsed,
    checked_pair,
    text_of,
)

NAME = "two answers"
COLUMNS = frozenset({"prompt", "answer_a", "answer_b", "winner", "annotator", "rationale"})

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
    messages = prompt_messages(row["prompt"])
    a, b, winner = row["answer_a"], row["answer_b"], row.get("winner")
    if not (winner is None or isinstance(winner, str)) or winner not in _WINNERS:
        return Dropped(UNKNOWN_WINNER)
    verdict = _WINNERS[winner]
    annotator, rationale = text_of(row, "annotator"), text_of(row, "rationale")
    named = [Judgement(verdict, None, rationale, annotator)] if verdict and annotator else []
    return checked_pair(
        messages,
        a if isinstance(a, str) else None,
        b if isinstance(b, str) else None,
        verdict=verdict,
        rationale=rationale,
        annotations=tuple(named),
    )
