"""NVIDIA's HelpSteer: pairs with a strength from -3 to 3, and answers rated one a row.

A strength below 0 is for the first answer, 0 is a tie. The rated answers of HelpSteer2's main
set become pairs by their helpfulness.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from storage.data.conversations import Message
from storage.importers.parsed import (
    UNKNOWN_RATING,
    Dropped,
    Judgement,
    Parsed,
    checked_answer,
    checked_pair,
    text_of,
)
from storage.importers.roles import is_messages, messages_of
from storage.importers.verdict_codes import judgement_by_sign, number_of

NAME = "HelpSteer"

_NAMES_2 = ("prompt", "response_1", "response_2", "preference_strength")
_NAMES_3 = ("context", "response1", "response2", "overall_preference")
_RATED = ("prompt", "response", "helpfulness")
_REASONS = ("preference_statement", "preference_elaboration")
COLUMNS = frozenset({*_NAMES_2, *_NAMES_3, *_RATED, *_REASONS, "individual_preference"})

# HelpSteer2 writes a conversation as one text: "Q\n<extra_id_1>Assistant\nA\n<extra_id_1>User\nR".
_TURN = re.compile(r"\n<extra_id_1>(User|Assistant)\n")
_ROLE_OF = {"User": "user", "Assistant": "assistant"}


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has the columns of one of HelpSteer's sets."""
    return any(all(name in row for name in names) for names in (_NAMES_2, _NAMES_3, _RATED))


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair with its verdicts, or the rated answer."""
    if "overall_preference" in row:
        return _pair_of_3(row)
    if "preference_strength" not in row:
        return checked_answer(_turns(row["prompt"]), row["response"], number_of(row["helpfulness"]))
    reasons = [text for name in _REASONS if (text := text_of(row, name))]
    judgement = judgement_by_sign(row["preference_strength"])
    if judgement is None:
        return Dropped(UNKNOWN_RATING)
    return checked_pair(
        _turns(row["prompt"]),
        _text(row["response_1"]),
        _text(row["response_2"]),
        verdict=judgement.verdict,
        strength=judgement.strength,
        rationale="\n\n".join(reasons) or None,
    )


def _pair_of_3(row: Mapping[str, Any]) -> Parsed:
    context = row["context"]
    judgement = judgement_by_sign(row["overall_preference"])
    if judgement is None:
        return Dropped(UNKNOWN_RATING)
    return checked_pair(
        messages_of(context) if is_messages(context) else _turns(context),
        _text(row["response1"]),
        _text(row["response2"]),
        verdict=judgement.verdict,
        strength=judgement.strength,
        annotations=tuple(_individual(row.get("individual_preference"))),
    )


def _individual(items: Any) -> Iterator[Judgement]:
    for number, item in enumerate(items if isinstance(items, list) else [], start=1):
        if isinstance(item, Mapping):
            judgement = judgement_by_sign(
                item.get("score"),
                rationale=text_of(item, "reasoning"),
                annotator=f"annotator {number}",
            )
            if judgement is not None:
                yield judgement


def _turns(prompt: Any) -> list[Message] | None:
    if not isinstance(prompt, str):
        return None
    parts = ["User", *_TURN.split(prompt)]
    return [
        {"role": _ROLE_OF[name], "content": text}
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    ]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
