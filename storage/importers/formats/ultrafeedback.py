"""UltraFeedback: binarized pairs with two scores, and raw rows with several rated answers."""

from collections.abc import Mapping
from typing import Any

from storage.importers.formats.trl_conversational import conversational_pair, judgement_of_scores
from storage.importers.parsed import Answer, Parsed, checked_ranking
from storage.importers.roles import is_messages, turns_before
from storage.importers.verdict_codes import number_of

NAME = "UltraFeedback"
COLUMNS = frozenset(
    {"prompt", "chosen", "rejected", "messages", "score_chosen", "score_rejected"}
    | {"instruction", "completions"}
)


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether there are two scored lists of messages, or an instruction with completions."""
    if "completions" in row and isinstance(row.get("instruction"), str):
        return is_messages(row["completions"])
    return (
        "score_chosen" in row
        and "score_rejected" in row
        and is_messages(row.get("chosen"))
        and is_messages(row.get("rejected"))
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, or all answers with their overall score."""
    if "completions" not in row:
        return conversational_pair(row, judgement_of_scores(row, "score_chosen", "score_rejected"))
    return checked_ranking(
        turns_before(query=row["instruction"]), [_answer(item) for item in row["completions"]]
    )


def _answer(item: Mapping[str, Any]) -> Answer | None:
    text, model = item.get("response"), item.get("model")
    if not isinstance(text, str):
        return None
    return Answer(text, _score(item), model if isinstance(model, str) else None)


def _score(item: Mapping[str, Any]) -> float | None:
    """Return the overall score, or else the mean of the ratings of its aspects."""
    overall = number_of(item.get("overall_score"))
    annotations = item.get("annotations")
    if overall is not None or not isinstance(annotations, Mapping):
        return overall
    ratings = [
        number
        for aspect in annotations.values()
        if isinstance(aspect, Mapping) and (number := number_of(aspect.get("Rating"))) is not None
    ]
    return sum(ratings) / len(ratings) if ratings else None
