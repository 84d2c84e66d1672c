"""TRL's standard preferences: plain texts; the prompt becomes one user turn.

Implicit rows have no prompt: it is what both texts start with, up to a whole word.
"""

import os
from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import EQUAL, NO_COMMON_PROMPT, Dropped, Parsed, checked_pair

NAME = "TRL standard"
COLUMNS = frozenset({"prompt", "chosen", "rejected"})

_FIRST_WITHOUT_SPACES = "\u2e80"  # from here on scripts such as Chinese put no space between words


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether both sides are texts, and the prompt is one too or is missing."""
    return all(isinstance(row.get(side), str) for side in ("chosen", "rejected")) and (
        "prompt" not in row or isinstance(row["prompt"], str)
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the chosen answer as a."""
    chosen, rejected = row["chosen"], row["rejected"]
    if "prompt" in row:
        prompt = row["prompt"]
    else:
        if chosen == rejected:
            return Dropped(EQUAL)
        cut = _end_of_common_words(chosen, rejected)
        prompt, chosen, rejected = chosen[:cut], chosen[cut:], rejected[cut:]
        if not prompt.strip():
            return Dropped(NO_COMMON_PROMPT)
    return checked_pair([{"role": "user", "content": prompt}], chosen, rejected, verdict=Verdict.A)


def _end_of_common_words(one: str, other: str) -> int:
    """Return where the texts part, moved back before a word that parts in its middle.

    "The sky is blue." and "The sky is black." part after "The sky is", as " bl" is no prompt;
    the space stays with the answers, as in TRL's own files.
    """
    cut = len(os.path.commonprefix([one, other]))
    next_to_cut = one[cut : cut + 1] + other[cut : cut + 1]
    if any(_is_inside_word(character) for character in next_to_cut):
        while cut and _is_inside_word(one[cut - 1]):
            cut -= 1
    return cut - 1 if cut and one[cut - 1] == " " else cut


def _is_inside_word(character: str) -> bool:
    return character.isalnum() and character < _FIRST_WITHOUT_SPACES
