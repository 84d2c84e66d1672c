"""TRL's conversational preferences: chosen and rejected are lists of messages.

Explicit rows have a prompt of messages and one assistant turn on either side; implicit ones
repeat the prompt at the start of both sides.
"""

from collections.abc import Mapping
from typing import Any

from storage.conversations import Message
from storage.enums import Verdict
from storage.importers.parsed import (
    EMPTY_SIDE,
    NO_COMMON_PROMPT,
    NOT_TEXT,
    SEVERAL_TURNS,
    Dropped,
    Parsed,
    checked_pair,
    is_messages,
    messages_of,
)

NAME = "TRL conversational"


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether both sides are lists of messages, and the prompt is one too or is missing."""
    return (
        is_messages(row.get("chosen"))
        and is_messages(row.get("rejected"))
        and ("prompt" not in row or is_messages(row["prompt"]))
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the chosen answer as a."""
    prompt = messages_of(row.get("prompt", []), content_key="content")
    chosen = messages_of(row["chosen"], content_key="content")
    rejected = messages_of(row["rejected"], content_key="content")
    if prompt is None or chosen is None or rejected is None:
        return Dropped(NOT_TEXT)
    if "prompt" not in row:
        prompt = _common_start(chosen, rejected)
        if not prompt:
            return Dropped(NO_COMMON_PROMPT)
        chosen, rejected = chosen[len(prompt) :], rejected[len(prompt) :]
    for side in (chosen, rejected):
        if not side:
            return Dropped(EMPTY_SIDE)
        if len(side) > 1 or side[0]["role"] != "assistant":
            return Dropped(SEVERAL_TURNS)
    return checked_pair(prompt, chosen[0]["content"], rejected[0]["content"], verdict=Verdict.A)


def _common_start(chosen: list[Message], rejected: list[Message]) -> list[Message]:
    """Return the longest common start that ends with the user, so that equal answers show."""
    length = 0
    for index, (one, other) in enumerate(zip(chosen, rejected, strict=False), start=1):
        if one != other:
            break
        if one["role"] == "user":
            length = index
    return chosen[:length]
