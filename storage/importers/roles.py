"""The names that files give to roles and contents, and how messages are read by them."""

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

from storage.data.conversations import Message

ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
}
ROLE_KEYS = ("role", "from")
CONTENT_KEYS = ("content", "value", "text")


def is_messages(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    """Whether a value looks like a list of messages."""
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def messages_of(items: Any) -> list[Message] | None:
    """Read messages with the usual names of roles and contents; None if something is not text.

    An unknown role is kept, and refused by the check of the whole prompt.
    """
    if not is_messages(items):
        return None
    messages = []
    for item in items:
        role, content = item.get("role"), item.get("content")
        if not isinstance(role, str) or not isinstance(content, str):
            # Only what has other names, or no text, needs to be looked at more closely.
            role = next((item[key] for key in ROLE_KEYS if key in item), None)
            content = content_of(item)
        if not isinstance(role, str) or content is None:
            return None
        messages.append({"role": ROLES.get(role.lower(), role), "content": content})
    return messages


def content_of(message: Mapping[str, Any]) -> str | None:
    """Return a message's text, also where it is a list with one text part; None if it has none."""
    value = next((message[key] for key in CONTENT_KEYS if message.get(key) is not None), None)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
        value = value[0].get("text") if value[0].get("type", "text") == "text" else None
    return value if isinstance(value, str) else None


def answer_of(value: Any) -> str | None:
    """Return an answer's text: a text, one message, or a list of one message of the assistant."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping):
        messages = messages_of([value])
        if not messages or messages[0]["role"] != "assistant":
            return None
        return messages[0]["content"]
    return value if isinstance(value, str) else None


def decoded(value: Any) -> Any:
    """Return the list that a text of JSON holds, or the value itself."""
    if not isinstance(value, str) or not value.startswith("["):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, list) else value


def turns_before(*, system: Any = None, history: Any = None, query: str) -> list[Message] | None:
    """Build a prompt from a system text, [question, answer] pairs and the last question.

    An empty system text is none; the pairs may be JSON in a text. None if something is not text.
    """
    messages: list[Message] = []
    if system not in (None, ""):
        messages.append({"role": "system", "content": system})
    turns = decoded(history or [])
    if not isinstance(turns, list):
        return None
    for turn in turns:
        if not isinstance(turn, list) or len(turn) != 2:
            return None
        messages.append({"role": "user", "content": turn[0]})
        messages.append({"role": "assistant", "content": turn[1]})
    messages.append({"role": "user", "content": query})
    is_text = all(isinstance(message["content"], str) for message in messages)
    return messages if is_text else None
