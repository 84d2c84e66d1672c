"""What a row of a file turns into, and the checks that all formats share.

A reason for dropping a row is the end of a sentence: "3 rows without a common prompt".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.conversations import Message, prompt_problem, text_problem
from storage.enums import Verdict

EQUAL = "equal"
EMPTY_SIDE = "with an empty side"
NO_COMMON_PROMPT = "without a common prompt"
NOT_TEXT = "with content that is not text"
SEVERAL_TURNS = "with answers of several turns"
UNKNOWN_WINNER = "with an unknown winner"

_ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
}


@dataclass(frozen=True)
class ImportedPrompt:
    """A row that is a prompt alone."""

    messages: list[Message]


@dataclass(frozen=True)
class ImportedPair:
    """A row with two answers; without a verdict it waits for labelling."""

    messages: list[Message]
    text_a: str
    text_b: str
    verdict: Verdict | None


@dataclass(frozen=True)
class Dropped:
    """A row that cannot be used, and why."""

    reason: str


Parsed = ImportedPrompt | ImportedPair | Dropped


def is_messages(value: Any) -> bool:
    """Whether a value looks like a list of messages."""
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)


def messages_of(items: Sequence[Mapping[str, Any]], *, content_key: str) -> list[Message] | None:
    """Read messages with the usual names of roles; None if a content is not text.

    An unknown role is kept, and refused by the check of the whole prompt.
    """
    messages = []
    for item in items:
        role, content = item.get("role"), item.get(content_key)
        if not isinstance(role, str) or not isinstance(content, str):
            return None
        messages.append({"role": _ROLES.get(role, role), "content": content})
    return messages


def checked_prompt(messages: list[Message] | None) -> ImportedPrompt | Dropped:
    """Return the prompt, or why it cannot be one (None: its content is not text)."""
    if messages is None:
        return Dropped(NOT_TEXT)
    problem = prompt_problem(messages)
    return Dropped(problem) if problem else ImportedPrompt(messages)


def checked_pair(
    messages: list[Message] | None, text_a: str, text_b: str, *, verdict: Verdict | None
) -> ImportedPair | Dropped:
    """Return the pair, or why its row cannot be used."""
    prompt = checked_prompt(messages)
    if isinstance(prompt, Dropped):
        return prompt
    if not text_a.strip() or not text_b.strip():
        return Dropped(EMPTY_SIDE)
    if text_a == text_b:
        return Dropped(EQUAL)
    if problem := text_problem(text_a) or text_problem(text_b):
        return Dropped(problem)
    return ImportedPair(prompt.messages, text_a, text_b, verdict)
