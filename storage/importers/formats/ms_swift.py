"""ms-swift: a whole conversation with its good answer, and the rejected one apart."""

from collections.abc import Mapping
from typing import Any

from storage.data.conversations import Message
from storage.enums import Verdict
from storage.importers.parsed import NOT_TEXT, Dropped, Parsed, checked_pair
from storage.importers.roles import is_messages, messages_of, turns_before

NAME = "ms-swift"
NO_ANSWER = "that do not end with the assistant"
COLUMNS = frozenset({"messages", "rejected_response", "system", "query", "response", "history"})


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether a rejected response stands beside a conversation, or a query with its response."""
    return "rejected_response" in row and (
        is_messages(row.get("messages")) or ("query" in row and "response" in row)
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the good answer as a."""
    rejected = row["rejected_response"]
    prompt: list[Message] | None
    if row.get("messages") is not None:
        messages = messages_of(row["messages"])
        if messages is None:
            return Dropped(NOT_TEXT)
        if not messages or messages[-1]["role"] != "assistant":
            return Dropped(NO_ANSWER)
        prompt, chosen = messages[:-1], messages[-1]["content"]
    else:
        prompt = turns_before(
            system=row.get("system"), history=row.get("history"), query=row["query"]
        )
        chosen = row["response"]
    if not isinstance(chosen, str) or not isinstance(rejected, str):
        return Dropped(NOT_TEXT)
    return checked_pair(prompt, chosen, rejected, verdict=Verdict.A)
