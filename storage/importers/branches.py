"""Two conversations that part after a common start: the prompt is what they share."""

from storage.data.conversations import Message
from storage.importers.parsed import (
    EMPTY_SIDE,
    EQUAL,
    NO_COMMON_PROMPT,
    NOT_TEXT,
    SEVERAL_TURNS,
    Dropped,
    ImportedPair,
    Judgement,
    checked_pair,
)


def pair_of_branches(
    prompt: list[Message] | None,
    a: list[Message] | None,
    b: list[Message] | None,
    judgement: Judgement,
) -> ImportedPair | Dropped:
    """Return the pair of two branches; None is what is not text.

    Args:
        prompt: what comes before both branches; the branches may repeat it. If it is empty, it
            is what they share.
        a: one branch; after the prompt it has one turn of the assistant.
        b: the other branch.
        judgement: which one is better.
    """
    if prompt is None or a is None or b is None:
        return Dropped(NOT_TEXT)
    if a == b and a:
        return Dropped(EQUAL)
    if not prompt:
        prompt = common_start(a, b)
        if not prompt:
            return Dropped(NO_COMMON_PROMPT)
    a, b = (side[len(prompt) :] if side[: len(prompt)] == prompt else side for side in (a, b))
    for side in (a, b):
        if not side:
            return Dropped(EMPTY_SIDE)
        if len(side) > 1 or side[0]["role"] != "assistant":
            return Dropped(SEVERAL_TURNS)
    return checked_pair(
        prompt,
        a[0]["content"],
        b[0]["content"],
        verdict=judgement.verdict,
        strength=judgement.strength,
        rationale=judgement.rationale,
    )


def common_start(a: list[Message], b: list[Message]) -> list[Message]:
    """Return the longest common start that ends with the user, so that equal answers show."""
    length = 0
    for index, (one, other) in enumerate(zip(a, b, strict=False), start=1):
        if one != other:
            break
        if one["role"] == "user":
            length = index
    return a[:length]
