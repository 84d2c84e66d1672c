"""Chatbot Arena and MT-Bench: two whole conversations with two models, and who has won.

Only the turn that was judged is kept, and only where the conversations are the same up to it.
Conversations may be written as JSON in a text.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from storage.data.conversations import Message
from storage.importers.branches import common_start, pair_of_branches
from storage.importers.parsed import (
    NO_COMMON_PROMPT,
    NOT_TEXT,
    UNKNOWN_WINNER,
    Dropped,
    Judgement,
    Parsed,
    text_of,
)
from storage.importers.roles import decoded, is_messages, messages_of
from storage.importers.verdict_codes import number_of, winner_of

NAME = "Chatbot Arena"
COLUMNS = frozenset(
    {"conversation_a", "conversation_b", "winner", "judge", "model_a", "model_b", "turn"}
)


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has two conversations, as lists or as texts."""
    return all(
        isinstance(row.get(name), list | str) for name in ("conversation_a", "conversation_b")
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, judged by the row's judge; without a winner it waits for labelling."""
    sides = [_conversation(row, name) for name in ("conversation_a", "conversation_b")]
    a, b = sides
    if a is None or b is None:
        return Dropped(NOT_TEXT)
    verdict = winner_of(row.get("winner"))
    if verdict is None:
        return Dropped(UNKNOWN_WINNER)
    common = common_start(a, b)
    if not common:
        return Dropped(NO_COMMON_PROMPT)
    pair = pair_of_branches(common, a, b, Judgement(verdict))
    if isinstance(pair, Dropped):
        return pair
    judge = text_of(row, "judge")
    return replace(
        pair,
        model_a=text_of(row, "model_a"),
        model_b=text_of(row, "model_b"),
        annotations=(Judgement(verdict, annotator=judge),) if judge else (),
    )


def _conversation(row: Mapping[str, Any], name: str) -> list[Message] | None:
    """Return the turns up to the one that was judged."""
    value = decoded(row[name])
    messages = messages_of(value) if is_messages(value) else None
    turn = number_of(row.get("turn"))
    if messages is None or turn is None:
        return messages
    is_system = messages[:1] and messages[0]["role"] == "system"
    return messages[: 2 * int(turn) + (1 if is_system else 0)]
