"""ShareGPT ranking: a conversation, and one turn or text as chosen and as rejected.

LLaMA-Factory names the conversation "conversations" with from and value, axolotl "messages"
with role and content. A system text may stand beside it.
"""

from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import NOT_TEXT, Dropped, Parsed, checked_pair, text_of
from storage.importers.roles import answer_of, is_messages, messages_of

NAME = "ShareGPT ranking"
COLUMNS = frozenset({"conversations", "messages", "chosen", "rejected", "system"})


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has a conversation, and a turn or a text on either side."""
    return is_messages(row.get("conversations", row.get("messages"))) and all(
        isinstance(row.get(side), Mapping | str) for side in ("chosen", "rejected")
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the chosen answer as a."""
    messages = messages_of(row.get("conversations", row.get("messages")))
    if messages is None:
        return Dropped(NOT_TEXT)
    if (system := text_of(row, "system")) and messages[:1] and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": system})
    return checked_pair(
        messages, answer_of(row["chosen"]), answer_of(row["rejected"]), verdict=Verdict.A
    )
