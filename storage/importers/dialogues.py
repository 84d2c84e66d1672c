r"""Dialogues written as one text: "\n\nHuman: ...\n\nAssistant: ...", as Anthropic wrote them.

One space after a colon belongs to the format; all else is kept.
"""

import re
from typing import Any

from storage.data.conversations import Message

ANSWER = "\n\nAssistant:"
TURN = re.compile(r"\n\n(Human|Assistant):")
_ROLE_OF = {"Human": "user", "Assistant": "assistant"}


def is_dialogue(value: Any) -> bool:
    """Whether a value is a text that begins with the human's turn."""
    return isinstance(value, str) and value.lstrip("\n").startswith("Human:")


def from_first_turn(dialogue: str) -> str:
    """Return the dialogue with exactly two line ends before its first turn."""
    return "\n\n" + dialogue.lstrip("\n")


def turns_of(dialogue: str) -> list[Message]:
    """Return the turns of a dialogue that begins with one."""
    parts = TURN.split(dialogue)[1:]
    names, texts = parts[::2], parts[1::2]
    return [
        {"role": _ROLE_OF[name], "content": without_space(text)}
        for name, text in zip(names, texts, strict=True)
    ]


def prompt_turns_of(dialogue: str) -> list[Message]:
    """Return the turns before the answer that the dialogue, or its end "Assistant:", asks for."""
    dialogue = from_first_turn(dialogue)
    end = dialogue.rstrip()
    return turns_of(end.removesuffix(ANSWER) if end.endswith(ANSWER) else dialogue)


def without_space(text: str) -> str:
    """Return a turn's text without the space that belongs to the format."""
    return text.removeprefix(" ")
