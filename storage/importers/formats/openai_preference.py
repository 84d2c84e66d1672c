"""OpenAI's preference file: input.messages, preferred_output and non_preferred_output."""

from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.branches import pair_of_branches
from storage.importers.parsed import NO_PROMPT, Dropped, Judgement, Parsed
from storage.importers.roles import is_messages, messages_of

NAME = "OpenAI preference"
COLUMNS = frozenset({"input", "preferred_output", "non_preferred_output"})


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether both outputs are lists of messages beside an input with messages."""
    given = row.get("input")
    return (
        isinstance(given, Mapping)
        and is_messages(given.get("messages"))
        and is_messages(row.get("preferred_output"))
        and is_messages(row.get("non_preferred_output"))
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the preferred answer as a."""
    if not row["input"]["messages"]:
        return Dropped(NO_PROMPT)
    return pair_of_branches(
        messages_of(row["input"]["messages"]),
        messages_of(row["preferred_output"]),
        messages_of(row["non_preferred_output"]),
        Judgement(Verdict.A),
    )
