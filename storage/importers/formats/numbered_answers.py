"""Two answers numbered 0 and 1: PKU-SafeRLHF, WebGPT, and RLHF-Label-Tool's unlabelled lists."""

from collections.abc import Mapping
from itertools import count
from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import (
    NOT_TEXT,
    UNKNOWN_RATING,
    UNKNOWN_WINNER,
    Answer,
    Dropped,
    Judgement,
    Parsed,
    checked_pair,
    checked_ranking,
)
from storage.importers.roles import turns_before
from storage.importers.verdict_codes import number_of, verdict_by_scores

NAME = "numbered answers"
COLUMNS = frozenset(
    {"prompt", "question", "query", "history", "system", "better_response_id", "score_0", "score_1"}
    | {f"{name}_{number}" for name in ("response", "answer") for number in range(10)}
)

_WINNERS = {0: Verdict.A, 1: Verdict.B}


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether there are answers 0 and 1 with which is better, their scores, or a query."""
    is_pku = all(name in row for name in ("prompt", "response_0", "response_1"))
    is_webgpt = all(name in row for name in ("question", "answer_0", "answer_1"))
    is_label_tool = all(name in row for name in ("query", "response_0", "response_1"))
    return is_pku or is_webgpt or is_label_tool


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair; rows of more answers that nobody has judged make pairs in twos."""
    if "query" in row:
        return _unlabelled(row)
    question = row.get("prompt", row.get("question"))
    if isinstance(question, Mapping):  # WebGPT keeps where its question is from
        question = question.get("full_text")
    if not isinstance(question, str):
        return Dropped(NOT_TEXT)
    judgement = _by_id(row) if "response_0" in row else _by_scores(row)
    if isinstance(judgement, Dropped):
        return judgement
    name = "response" if "response_0" in row else "answer"
    a, b = row[f"{name}_0"], row[f"{name}_1"]
    return checked_pair(
        turns_before(query=question),
        a if isinstance(a, str) else None,
        b if isinstance(b, str) else None,
        verdict=judgement.verdict if judgement else None,
        strength=judgement.strength if judgement else None,
    )


def _by_id(row: Mapping[str, Any]) -> Judgement | Dropped | None:
    """Read which answer is better; which one is safer is another question, kept beside it."""
    if row.get("better_response_id") in (None, ""):
        return None
    number = number_of(row["better_response_id"])
    verdict = None if number is None else _WINNERS.get(int(number)) if number in (0, 1) else None
    return Dropped(UNKNOWN_WINNER) if verdict is None else Judgement(verdict)


def _by_scores(row: Mapping[str, Any]) -> Judgement | Dropped | None:
    if row.get("score_0") in (None, "") and row.get("score_1") in (None, ""):
        return None
    scores = number_of(row.get("score_0")), number_of(row.get("score_1"))
    if scores[0] is None or scores[1] is None:
        return Dropped(UNKNOWN_RATING)
    return Judgement(verdict_by_scores(scores[0], scores[1]), abs(scores[0] - scores[1]))


def _unlabelled(row: Mapping[str, Any]) -> Parsed:
    answers = []
    for number in count():
        if f"response_{number}" not in row:
            break
        text = row[f"response_{number}"]
        answers.append(Answer(text, None) if isinstance(text, str) else None)
    messages = turns_before(
        system=row.get("system"), history=row.get("history"), query=row["query"]
    )
    return checked_ranking(messages, answers)
