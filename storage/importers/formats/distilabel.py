"""distilabel's and Argilla's cleaned sets: pairs with a rating of either side.

Names are written with _ or -; a status "tie" or equal ratings are a tie.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from storage.enums import Verdict
from storage.importers.formats.trl_conversational import conversational_pair, judgement_of_scores
from storage.importers.parsed import Dropped, Judgement, Parsed, checked_pair, text_of
from storage.importers.roles import decoded, is_messages, turns_before
from storage.importers.verdict_codes import number_of

NAME = "distilabel"
COLUMNS = frozenset(
    {
        "instruction",
        "system",
        "input",
        "prompt",
        "chosen",
        "rejected",
        "status",
        "rationale",
        "rating",
    }
    | {
        f"{side}{mark}{what}"
        for side in ("chosen", "rejected")
        for mark in "_-"
        for what in ("rating", "score", "model")
    }
)

_RATINGS = ("rating", "score")
_MARKS = [f"chosen{mark}{what}" for mark in "_-" for what in _RATINGS]


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether two answers stand beside their ratings, or beside the list they were picked from."""
    if "generations" not in row and not any(name in row for name in _MARKS):
        return False
    sides = (row.get("chosen"), row.get("rejected"))
    return all(is_messages(side) for side in sides) or (
        all(isinstance(side, str) for side in sides)
        and isinstance(row.get("input", row.get("instruction")), str)
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the chosen answer as a."""
    judgement = replace(_judgement(row), rationale=text_of(row, "rationale"))
    if is_messages(row["chosen"]):
        # The instruction is the prompt's text; the lists repeat it.
        given = {**row, "prompt": row.get("prompt") or row.get("instruction")}
        pair = conversational_pair(given, judgement)
    else:
        query = row.get("input", row.get("instruction"))
        pair = checked_pair(
            turns_before(system=row.get("system"), query=str(query)),
            row["chosen"],
            row["rejected"],
            verdict=judgement.verdict,
            strength=judgement.strength,
            rationale=judgement.rationale,
        )
    if isinstance(pair, Dropped):
        return pair
    return replace(pair, model_a=_model(row, "chosen"), model_b=_model(row, "rejected"))


def _judgement(row: Mapping[str, Any]) -> Judgement:
    found = Judgement(Verdict.A)
    for mark in "_-":
        for what in _RATINGS:
            judged = judgement_of_scores(row, f"chosen{mark}{what}", f"rejected{mark}{what}")
            if judged.strength is not None and found.strength is None:
                found = judged
    ratings = decoded(row.get("rating"))
    if found.strength is None and isinstance(ratings, list) and len(ratings) == 2:
        numbers = [number for rating in ratings if (number := number_of(rating)) is not None]
        strength = abs(numbers[0] - numbers[1]) if len(numbers) == 2 else None
        found = Judgement(Verdict.TIE if strength == 0 else Verdict.A, strength)
    return replace(found, verdict=Verdict.TIE) if row.get("status") == "tie" else found


def _model(row: Mapping[str, Any], side: str) -> str | None:
    return text_of(row, f"{side}_model") or text_of(row, f"{side}-model")
