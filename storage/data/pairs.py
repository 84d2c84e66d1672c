"""Pairs: two completions of one prompt, stored together and shown together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from storage.data.conversations import Message, text_problem
from storage.enums import CompletionOrigin, PairOrigin
from storage.errors import InputError, NotFoundError
from storage.schema.tables import Claim, Completion, Pair, Prompt


@dataclass(frozen=True)
class NewCompletion:
    """An answer to be stored, with what is known of its making."""

    text: str
    origin: CompletionOrigin
    model: str | None = None
    adapter: str | None = None
    """Folder of the adapter, relative to the data folder."""
    sampling: dict[str, Any] | None = None
    seed: int | None = None
    num_tokens: int | None = None
    finish_reason: str | None = None


@dataclass(frozen=True)
class PairView:
    """A pair as it is judged."""

    id: int
    prompt_id: int
    messages: list[Message]
    text_a: str
    text_b: str
    origin: PairOrigin
    round: int


def add_pair(
    session: Session,
    prompt_id: int,
    a: NewCompletion,
    b: NewCompletion,
    *,
    origin: PairOrigin,
    round: int = 0,
    run_id: int | None = None,
    adapter_id: int | None = None,
) -> Pair:
    """Store two answers as a pair; unless it is a comparison, it is open for labelling at once.

    In a comparison `a` is the base's answer and `b` the tuned one's.

    Raises:
        NotFoundError: there is no such prompt.
        InputError: a text cannot be stored (NUL, broken Unicode).
    """
    if session.get(Prompt, prompt_id) is None:
        raise NotFoundError(f"Prompt {prompt_id} does not exist, so no pair can be made for it.")
    rows = [_new_completion(prompt_id, completion) for completion in (a, b)]
    session.add_all(rows)
    session.flush()
    pair = Pair(
        prompt_id=prompt_id,
        completion_a=rows[0].id,
        completion_b=rows[1].id,
        origin=origin,
        round=round,
        run_id=run_id,
        adapter_id=adapter_id,
    )
    session.add(pair)
    session.flush()
    if origin is not PairOrigin.COMPARISON:
        session.add(Claim(pair_id=pair.id, slot=0))
        session.flush()
    return pair


def pair_view(session: Session, pair_id: int) -> PairView:
    """Return a pair with its prompt and both texts.

    Raises:
        NotFoundError: there is no such pair.
    """
    found = pair_views(session, [pair_id])
    if not found:
        raise NotFoundError(f"Pair {pair_id} does not exist. Go on with the next pair.")
    return found[0]


def pair_views(session: Session, pair_ids: Sequence[int]) -> list[PairView]:
    """Return the pairs that exist among `pair_ids`, in that order, with one query."""
    a, b = aliased(Completion), aliased(Completion)
    query = (
        select(Pair, Prompt.messages, a.text, b.text)
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .join(a, a.id == Pair.completion_a)
        .join(b, b.id == Pair.completion_b)
        .where(Pair.id.in_(pair_ids))
    )
    found = {
        pair.id: PairView(
            id=pair.id,
            prompt_id=pair.prompt_id,
            messages=messages,
            text_a=text_a,
            text_b=text_b,
            origin=pair.origin,
            round=pair.round,
        )
        for pair, messages, text_a, text_b in session.execute(query)
    }
    return [found[pair_id] for pair_id in pair_ids if pair_id in found]


def _new_completion(prompt_id: int, new: NewCompletion) -> Completion:
    if problem := text_problem(new.text):
        raise InputError(f"An answer cannot be stored: it is one {problem}. Remove it and retry.")
    return Completion(
        prompt_id=prompt_id,
        text=new.text,
        origin=new.origin,
        model=new.model,
        adapter=new.adapter,
        sampling=new.sampling,
        seed=new.seed,
        num_tokens=new.num_tokens,
        finish_reason=new.finish_reason,
    )
