"""Potato's pairwise items with their answer: a selection, or a scale below 0 for the first."""

from collections.abc import Mapping
from typing import Any

from storage.importers.formats.prompts_only import prompt_messages
from storage.importers.parsed import (
    NO_PROMPT,
    UNKNOWN_WINNER,
    Dropped,
    Judgement,
    Parsed,
    checked_pair,
)
from storage.importers.verdict_codes import judgement_by_sign, winner_of

NAME = "Potato"

_PROMPTS = ("prompt", "question", "text", "context")
_ANSWERS = ("preference", "preference_scale")
COLUMNS = frozenset(
    {"responses", "annotator", "user_id", "label_annotations", *_PROMPTS, *_ANSWERS}
)


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has a list of two texts as responses."""
    responses = row.get("responses")
    return (
        isinstance(responses, list)
        and len(responses) == 2
        and all(isinstance(response, str) for response in responses)
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair; without an answer it waits for labelling."""
    prompt = next((row[name] for name in _PROMPTS if row.get(name)), None)
    if prompt is None:
        return Dropped(NO_PROMPT)
    given = {**row, **_mapping(row.get("label_annotations"))}
    judgement = None
    for name in _ANSWERS:
        if given.get(name) not in (None, "", {}):
            judgement = _judgement(given[name])
            if judgement is None:
                return Dropped(UNKNOWN_WINNER)
            break
    return checked_pair(
        prompt_messages(prompt),
        *row["responses"],
        verdict=judgement.verdict if judgement else None,
        strength=judgement.strength if judgement else None,
    )


def _judgement(answer: Any) -> Judgement | None:
    if not isinstance(answer, Mapping):
        answer = {"selection": answer}
    if "scale_value" in answer:
        return judgement_by_sign(answer["scale_value"])
    verdict = winner_of(answer.get("selection"))
    return None if verdict is None else Judgement(verdict)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
