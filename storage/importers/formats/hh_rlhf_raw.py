r"""hh-rlhf raw: two whole dialogues as texts, "\n\nHuman: ...\n\nAssistant: ...".

The prompt is what both dialogues share up to their last common "\n\nAssistant:"; what follows
it are the answers.
"""

import os
from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.dialogues import (
    ANSWER,
    TURN,
    from_first_turn,
    is_dialogue,
    turns_of,
    without_space,
)
from storage.importers.parsed import (
    EQUAL,
    NO_COMMON_PROMPT,
    SEVERAL_TURNS,
    Dropped,
    Parsed,
    checked_pair,
)

NAME = "hh-rlhf raw"
COLUMNS = frozenset({"chosen", "rejected"})


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether both sides are dialogues, and there is no prompt beside them."""
    return (
        not row.get("prompt")
        and is_dialogue(row.get("chosen"))
        and is_dialogue(row.get("rejected"))
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the chosen answer as a."""
    chosen, rejected = (from_first_turn(row[side]) for side in ("chosen", "rejected"))
    if chosen == rejected:
        return Dropped(EQUAL)
    start = os.path.commonprefix([chosen, rejected]).rfind(ANSWER)
    if start < 0:
        return Dropped(NO_COMMON_PROMPT)
    prompt, cut = chosen[:start], start + len(ANSWER)
    if TURN.search(chosen, cut) or TURN.search(rejected, cut):
        return Dropped(SEVERAL_TURNS)
    return checked_pair(
        turns_of(prompt),
        without_space(chosen[cut:]),
        without_space(rejected[cut:]),
        verdict=Verdict.A,
    )
