"""OpenAssistant's trees: replies to replies; the assistant's replies to one turn are ranked.

A row is a whole tree, or one message of it with the id of the message that it replies to.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from storage.data.conversations import Message
from storage.importers.parsed import (
    FEW_ANSWERS,
    NOT_TEXT,
    Answer,
    Dropped,
    ImportedMessage,
    ImportedPair,
    ImportedRanking,
    Parsed,
    checked_ranking,
    name_of,
)
from storage.importers.roles import is_messages, messages_of
from storage.importers.verdict_codes import number_of

NAME = "OpenAssistant"
_MESSAGE = ("message_id", "parent_id", "role", "text")
COLUMNS = frozenset({"prompt", "rank", *_MESSAGE})


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the prompt is a turn with a list of replies, or the row is one message."""
    prompt = row.get("prompt")
    is_message = all(name in row for name in ("message_id", "role", "text"))
    return is_message or (isinstance(prompt, Mapping) and is_messages(prompt.get("replies")))


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return a ranking for each of the user's turns with two ranked answers; rank 0 is the best."""
    if "message_id" in row:
        node = {name: row.get(name) for name in ("role", "text", "rank", "deleted")}
        return ImportedMessage(name_of(row["message_id"]), name_of(row.get("parent_id")), node)
    found: list[ImportedPair | ImportedRanking | Dropped] = list(rankings_of(row["prompt"]))
    return found or Dropped(FEW_ANSWERS)


def rankings_of(root: Mapping[str, Any]) -> Iterator[ImportedRanking | Dropped]:
    """Yield the ranked answers to each of the user's turns in a tree."""
    # By a list, not by recursion: a tree may be as deep as its file likes.
    waiting: list[tuple[Mapping[str, Any], list[Message]]] = [(root, [])]
    while waiting:
        node, before = waiting.pop()
        messages = messages_of([node])
        if messages is None:
            yield Dropped(NOT_TEXT)
            continue
        path = before + messages
        replies = node.get("replies")
        replies = (
            [reply for reply in replies if not reply.get("deleted")] if is_messages(replies) else []
        )
        ranked = [reply for reply in replies if number_of(reply.get("rank")) is not None]
        if path[-1]["role"] == "user" and len(ranked) > 1:
            yield checked_ranking(path, [_answer(reply) for reply in ranked])
        waiting.extend((reply, path) for reply in reversed(replies))


def _answer(reply: Mapping[str, Any]) -> Answer | None:
    text, rank = reply.get("text"), number_of(reply.get("rank"))
    return Answer(text, -(rank or 0.0)) if isinstance(text, str) else None
