"""Prompts without answers: {"prompt": text or messages}, or {"messages": [..., user]}."""

from collections.abc import Mapping
from typing import Any

from storage.importers.parsed import (
    NOT_TEXT,
    Dropped,
    Parsed,
    checked_prompt,
    is_messages,
    messages_of,
)

NAME = "prompts"

_ANSWERS = ("chosen", "rejected", "answer_a", "answer_b", "completion", "rejected_response")


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has a prompt and none of the names of answers."""
    return ("prompt" in row or "messages" in row) and not any(key in row for key in _ANSWERS)


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the prompt; a text is one user turn."""
    value = row["prompt"] if "prompt" in row else row["messages"]
    return prompt_of(value)


def prompt_of(value: Any) -> Parsed:
    """Read a prompt that is a text or a list of messages."""
    if isinstance(value, str):
        return checked_prompt([{"role": "user", "content": value}])
    if not is_messages(value):
        return Dropped(NOT_TEXT)
    return checked_prompt(messages_of(value, content_key="content"))
