"""Argilla's records: two answers, and what each annotator chose or how they ranked them.

Exports have a list of answers a question (preference.responses), beside lists of who answered
and whether it was submitted; older ones a list of {"user_id", "value", "status"}.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.formats.prompts_only import prompt_messages
from storage.importers.parsed import Judgement, Parsed, checked_pair
from storage.importers.verdict_codes import number_of, winner_of

NAME = "Argilla"

_QUESTIONS = ("preference", "ranking")
_SIDES = (("response_a", "response_b"), ("response_1", "response_2"), ("response-1", "response-2"))
_SUBMITTED = ("submitted", None)
COLUMNS = frozenset(
    {"prompt", "instruction"}
    | {name for sides in _SIDES for name in sides}
    | {
        question + part
        for question in _QUESTIONS
        for part in ("", ".responses", ".responses.users", ".responses.status")
    }
)


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has two answers and the answers to a question about them."""
    return (
        _sides(row) is not None
        and ("prompt" in row or "instruction" in row)
        and any(
            f"{question}.responses" in row or isinstance(row.get(question), list)
            for question in _QUESTIONS
        )
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair with each annotator's verdict; without any it waits for labelling."""
    a, b = _sides(row) or _SIDES[0]
    found = [
        Judgement(verdict, annotator=annotator)
        for annotator, value in _responses(row)
        if (verdict := _verdict(value, a, b)) is not None
    ]
    return checked_pair(
        prompt_messages(row.get("prompt", row.get("instruction"))),
        row[a],
        row[b],
        verdict=found[0].verdict if found else None,
        annotations=tuple(found),
    )


def _sides(row: Mapping[str, Any]) -> tuple[str, str] | None:
    return next(
        (sides for sides in _SIDES if all(isinstance(row.get(name), str) for name in sides)), None
    )


def _responses(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield who answered and what, for answers that were submitted."""
    for question in _QUESTIONS:
        values = row.get(f"{question}.responses")
        if isinstance(values, list):
            users = _list(row.get(f"{question}.responses.users"))
            states = _list(row.get(f"{question}.responses.status"))
            for index, value in enumerate(values):
                if index >= len(states) or states[index] in _SUBMITTED:
                    name = users[index] if index < len(users) else index + 1
                    yield _name(name), value
        elif isinstance(row.get(question), list):
            for index, item in enumerate(row[question]):
                if isinstance(item, Mapping) and "rank" not in item:
                    if item.get("status") in _SUBMITTED:
                        yield _name(item.get("user_id") or index + 1), item.get("value")
                else:
                    yield _name(1), row[question]
                    break


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _name(user: Any) -> str:
    return f"annotator {user}" if isinstance(user, int) else str(user)


def _verdict(value: Any, a: str, b: str) -> Verdict | None:
    if isinstance(value, list):
        ranks = {
            str(item.get("value")): number_of(item.get("rank"))
            for item in value
            if isinstance(item, Mapping)
        }
        of_a, of_b = (_rank(ranks, name) for name in (a, b))
        if of_a is None or of_b is None:
            return None
        return Verdict.TIE if of_a == of_b else Verdict.A if of_a < of_b else Verdict.B
    if value in (a, b):
        return Verdict.A if value == a else Verdict.B
    return winner_of(value)


def _rank(ranks: Mapping[str, float | None], name: str) -> float | None:
    """Return the rank under a column's name, or under what sets it apart: "a" for response_a."""
    return ranks.get(name, ranks.get(name[len("response_") :]))
