"""Rules for conversations and texts, whatever they come from. Pure: no database, no files.

A message is {"role": "system" | "user" | "assistant", "content": text}. A prompt is an optional
system message, then user and assistant in turn, ending with the user. Texts are kept byte for
byte; what cannot be stored (NUL, half a surrogate pair) is refused with a reason.
"""

import hashlib
import json
from collections.abc import Sequence

from storage.enums import Split

Message = dict[str, str]

ROLES = ("system", "user", "assistant")
HELDOUT_SHARE = 0.15


def text_problem(text: str) -> str | None:
    """Say why a text cannot be stored, or return None if it can."""
    if "\0" in text:
        return "with a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "with broken Unicode"
    return None


def prompt_problem(messages: Sequence[Message]) -> str | None:
    """Say why messages are not a prompt, as the end of "3 rows ...", or return None if they are."""
    roles = [message["role"] for message in messages]
    if any(role not in ROLES for role in roles):
        return "with a role that is not system, user or assistant"
    turns = roles[1:] if roles[:1] == ["system"] else roles
    if not turns:
        return "without a prompt"
    if turns[-1] != "user":
        return "that do not end with the user"
    if turns != ["user", "assistant"] * (len(turns) // 2) + ["user"]:
        return "whose turns do not alternate"
    return _content_problem(messages)


def _content_problem(messages: Sequence[Message]) -> str | None:
    for message in messages:
        if message["role"] != "system" and not message["content"].strip():
            return "with an empty turn"
        if problem := text_problem(message["content"]):
            return problem
    return None


def last_user_text(messages: Sequence[Message]) -> str:
    """Return the text that the answers reply to."""
    return messages[-1]["content"]


def content_hash(messages: Sequence[Message]) -> str:
    """Return the SHA-256 of the roles and texts, as 64 hex digits."""
    turns = [[message["role"], message["content"]] for message in messages]
    canonical = json.dumps(turns, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def split_of(content_hash: str) -> Split:
    """Draw the split from the hash, so that a prompt never moves.

    The last 32 bits, read as a fraction of one, fall below HELDOUT_SHARE with that chance. Lists
    are sorted by the whole hash, that is by its first bits, so the split is even along them.
    """
    fraction = int(content_hash[-8:], 16) / 2**32
    return Split.HELDOUT if fraction < HELDOUT_SHARE else Split.TRAIN
