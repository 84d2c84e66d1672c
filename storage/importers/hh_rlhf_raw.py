r"""hh-rlhf raw: two whole dialogues as texts, "\n\nHuman: ...\n\nAssistant: ...".

The prompt is what both dialogues share up to their last common "\n\nAssistant:"; what follows
it are the answers. One space after a colon belongs to the format; all else is kept.
"""

import os
import re
from collections.abc import Mapping
from typing import Any

from storage.conversations import Message
from storage.enums import Verdict
from storage.importers.parsed import (
    EQUAL,
    NO_COMMON_PROMPT,
    SEVERAL_TURNS,
    Dropped,
    Parsed,
    checked_pair,
)

NAME = "hh-rlhf raw"

_ANSWER = "\n\nAssistant:"
_TURN = re.compile(r"\n\n(Human|Assistant):")
_ROLE_OF = {"Human": "user", "Assistant": "assistant"}


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether both sides are dialogues, and there is no prompt beside them."""
    return "prompt" not in row and all(
        isinstance(row.get(side), str) and row[side].lstrip("\n").startswith("Human:")
        for side in ("chosen", "rejected")
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the chosen answer as a."""
    chosen, rejected = (_from_first_turn(row[side]) for side in ("chosen", "rejected"))
    if chosen == rejected:
        return Dropped(EQUAL)
    start = os.path.commonprefix([chosen, rejected]).rfind(_ANSWER)
    if start < 0:
        return Dropped(NO_COMMON_PROMPT)
    prompt, cut = chosen[:start], start + len(_ANSWER)
    if _TURN.search(chosen, cut) or _TURN.search(rejected, cut):
        return Dropped(SEVERAL_TURNS)
    return checked_pair(
        _turns(prompt), _answer(chosen[cut:]), _answer(rejected[cut:]), verdict=Verdict.A
    )


def _from_first_turn(dialogue: str) -> str:
    return "\n\n" + dialogue.lstrip("\n")


def _turns(dialogue: str) -> list[Message]:
    parts = _TURN.split(dialogue)[1:]
    names, texts = parts[::2], parts[1::2]
    return [
        {"role": _ROLE_OF[name], "content": _answer(text)}
        for name, text in zip(names, texts, strict=True)
    ]


def _answer(text: str) -> str:
    return text.removeprefix(" ")
