"""What a labeller sees of a pair that they hold: two texts on sides, no origin and no model."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from storage.data.conversations import Message
from storage.enums import Side
from storage.schema.tables import Completion, Pair, Prompt

Choice = Literal["left", "right", "tie", "both_bad", "skip"]


@dataclass(frozen=True)
class HeldPair:
    """A pair that a labeller holds."""

    pair_id: int
    left: Side
    """The completion to show left."""
    previous_verdict: Choice | None = None
    """What the labeller had chosen before the undo, in terms of the sides shown now."""


@dataclass(frozen=True)
class PairScreen:
    """One pair as its labeller sees it."""

    pair_id: int
    messages: list[Message]
    left: str
    right: str
    previous_choice: Choice | None
    shown: str
    """Stands for the pair, its prompt and both texts on their sides; a verdict may name it."""


def pair_screens(session: Session, held: Sequence[HeldPair]) -> list[PairScreen]:
    """Return what is to be seen of the pairs, in their order, with one query."""
    one, other = aliased(Completion), aliased(Completion)
    query = (
        select(Pair.id, Prompt.messages, one.text, other.text)
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .join(one, one.id == Pair.completion_a)
        .join(other, other.id == Pair.completion_b)
        .where(Pair.id.in_([pair.pair_id for pair in held]))
    )
    found = {pair_id: (messages, a, b) for pair_id, messages, a, b in session.execute(query)}
    return [_screen(pair, *found[pair.pair_id]) for pair in held]


def _screen(pair: HeldPair, messages: list[Message], text_a: str, text_b: str) -> PairScreen:
    left, right = (text_a, text_b) if pair.left is Side.A else (text_b, text_a)
    content = json.dumps([pair.pair_id, messages, left, right]).encode()
    shown = hashlib.sha256(content).hexdigest()[:16]
    return PairScreen(pair.pair_id, messages, left, right, pair.previous_verdict, shown)
