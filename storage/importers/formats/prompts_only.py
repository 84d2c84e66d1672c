"""Prompts without answers: {"prompt": text or messages}, or {"messages": [..., user]}."""

from collections.abc import Mapping
from typing import Any

from storage.data.conversations import Message
from storage.importers.parsed import Parsed, checked_prompt
from storage.importers.roles import is_messages, messages_of

NAME = "prompts"
COLUMNS = frozenset({"prompt", "messages"})

_ANSWERS = (
    *("chosen", "rejected", "answer_a", "answer_b", "completion", "rejected_response"),
    *("chosen_response", "rejected_text", "rejected_answer", "response", "responses", "answers"),
    *("response_a", "response_b", "response_1", "response_2", "response_0", "loser"),
)


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has a prompt and none of the names of answers."""
    return ("prompt" in row or "messages" in row) and not any(key in row for key in _ANSWERS)


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the prompt; a text is one user turn."""
    return checked_prompt(prompt_messages(row["prompt"] if "prompt" in row else row["messages"]))


def prompt_messages(value: Any) -> list[Message] | None:
    """Read a prompt that is a text or a list of messages; None if it is neither."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    return messages_of(value) if is_messages(value) else None
