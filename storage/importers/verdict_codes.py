"""How files write numbers, yes and no, and who has won: codes and signs, each spelled out."""

import math
from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import Judgement

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}

_WINNERS = {
    "a": Verdict.A,
    "model_a": Verdict.A,
    "answer_a": Verdict.A,
    "response_a": Verdict.A,
    "left": Verdict.A,
    "b": Verdict.B,
    "model_b": Verdict.B,
    "answer_b": Verdict.B,
    "response_b": Verdict.B,
    "right": Verdict.B,
    "tie": Verdict.TIE,
    "both_bad": Verdict.BOTH_BAD,
    "tie (bothbad)": Verdict.BOTH_BAD,
    "tie(bothbad)": Verdict.BOTH_BAD,
    "both bad": Verdict.BOTH_BAD,
}


def number_of(value: Any) -> float | None:
    """Return a finite number that stands as a number or as a text; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def truth_of(value: Any) -> bool | None:
    """Return what true, false, 1 or 0 means, also as a text; None for all else."""
    return _TRUTHS.get(str(value).strip().lower()) if isinstance(value, str | int) else None


def winner_of(value: Any) -> Verdict | None:
    """Return the verdict that a word for the winner means; None if it is unknown."""
    return _WINNERS.get(value.strip().lower()) if isinstance(value, str) else None


def judgement_by_sign(value: Any, **more: Any) -> Judgement | None:
    """Read a scale on which less than 0 is for the first answer, 0 a tie, more for the second."""
    number = number_of(value)
    if number is None:
        return None
    verdict = Verdict.TIE if number == 0 else Verdict.A if number < 0 else Verdict.B
    return Judgement(verdict, abs(number), **more)


def verdict_by_scores(score_a: float, score_b: float) -> Verdict:
    """Return which of two scores is higher."""
    return Verdict.TIE if score_a == score_b else Verdict.A if score_a > score_b else Verdict.B
