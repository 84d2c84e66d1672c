"""Pairs: two completions of one prompt, stored together."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from storage.data.conversations import text_problem
from storage.enums import CompletionOrigin, PairOrigin
from storage.errors import InputError, NotFoundError
from storage.schema.tables import Claim, Completion, Pair, Prompt


@dataclass(frozen=True)
class NewCompletion:
    """An answer to be stored, with what is known of its making; its fields are columns."""

    text: str
    origin: CompletionOrigin
    model: str | None = None
    adapter: str | None = None
    """Folder of the adapter, relative to the data folder."""
    sampling: dict[str, Any] | None = None
    seed: int | None = None
    num_tokens: int | None = None
    finish_reason: str | None = None


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
        session.add(Claim(pair_id=pair.id))
        session.flush()
    return pair


def _new_completion(prompt_id: int, new: NewCompletion) -> Completion:
    if problem := text_problem(new.text):
        raise InputError(f"An answer cannot be stored: it is one {problem}. Remove it and retry.")
    return Completion(prompt_id=prompt_id, **vars(new))
