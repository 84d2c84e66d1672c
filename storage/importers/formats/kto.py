"""KTO: single answers with a label, good or bad; the same prompt's make pairs."""

from collections.abc import Mapping
from typing import Any

from storage.importers.formats.prompts_only import prompt_messages
from storage.importers.parsed import NOT_TEXT, UNKNOWN_RATING, Dropped, Parsed, checked_answer
from storage.importers.roles import answer_of, is_messages, messages_of
from storage.importers.verdict_codes import truth_of

NAME = "KTO"
COLUMNS = frozenset({"prompt", "completion", "messages", "conversations", "label", "kto_tag"})
NO_ANSWER = "that do not end with the assistant"


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether a label stands beside a completion or a whole conversation."""
    return ("label" in row or "kto_tag" in row) and (
        ("prompt" in row and "completion" in row)
        or is_messages(row.get("messages", row.get("conversations")))
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the answer, rated 1 or 0."""
    label = truth_of(row.get("label", row.get("kto_tag")))
    if label is None:
        return Dropped(UNKNOWN_RATING)
    if "completion" in row:
        prompt, answer = prompt_messages(row["prompt"]), answer_of(row["completion"])
        return checked_answer(prompt, answer, float(label), is_label=True)
    messages = messages_of(row.get("messages", row.get("conversations")))
    if messages is None:
        return Dropped(NOT_TEXT)
    if not messages or messages[-1]["role"] != "assistant":
        return Dropped(NO_ANSWER)
    return checked_answer(messages[:-1], messages[-1]["content"], float(label), is_label=True)
