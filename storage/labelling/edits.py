"""Edited answers: an annotator's better text becomes a completion, chosen over its original."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from storage.data.conversations import text_problem
from storage.enums import CompletionOrigin, Side, Verdict
from storage.errors import InputError, NotFoundError
from storage.labelling.preferences import NewPreference, record, stored_submission
from storage.schema.tables import Completion, Pair, Preference


@dataclass(frozen=True)
class Edit:
    """A better text for one side of the pair that its labeller sees."""

    submit_id: str
    """Made by the client, 1 to 64 characters; the same one is stored once."""
    pair_id: int
    side: str
    """left or right."""
    text: str


def add_edit(
    session: Session, labeller_id: int, new: Edit, *, left: Side, now: datetime
) -> Preference:
    """Store the edit as a pair (edited, original) with the verdict that the edited one is better.

    The same submit_id returns the stored row and writes nothing. `left` was shown left.

    Raises:
        NotFoundError: there is no such pair.
        InputError: the text is empty, unchanged, or cannot be stored.
    """
    stored = stored_submission(session, new.submit_id, labeller_id)
    if stored is not None:
        return stored
    pair = session.get(Pair, new.pair_id)
    if pair is None:
        raise NotFoundError(f"Pair {new.pair_id} does not exist. Go on with the next pair.")
    side = left if new.side == "left" else left.other
    original_id = pair.completion_a if side is Side.A else pair.completion_b
    original = session.get_one(Completion, original_id)
    if not new.text.strip() or new.text.strip() == original.text.strip():
        raise InputError("The edited answer is empty or unchanged. Change it, or close the edit.")
    if problem := text_problem(new.text):
        raise InputError(f"The edited answer cannot be stored: it is one {problem}.")
    decided = _edited_pair(session, pair, original, text=new.text)
    return record(
        session,
        NewPreference(
            submit_id=new.submit_id,
            pair_id=decided.id,
            labeller_id=labeller_id,
            verdict=Verdict.A,
            left=None,
        ),
        now=now,
    )


def _edited_pair(session: Session, pair: Pair, original: Completion, *, text: str) -> Pair:
    edited = Completion(prompt_id=pair.prompt_id, text=text, origin=CompletionOrigin.EDITED)
    session.add(edited)
    session.flush()
    # Without a claim: it is decided already, so nobody is asked about it.
    decided = Pair(
        prompt_id=pair.prompt_id,
        completion_a=edited.id,
        completion_b=original.id,
        origin=pair.origin,
        round=pair.round,
    )
    session.add(decided)
    session.flush()
    return decided
