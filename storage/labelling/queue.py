"""The labelling queue: who holds which pair, what they answer, and the way back.

A pair has one claim, its place in the queue: open, held by one labeller until a time, or closed by
a verdict. Claims are taken with one UPDATE ... RETURNING, so a pair is never granted twice. A held
pair stays with its labeller after that time until somebody else takes it.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast, get_args

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from storage.enums import Side, Verdict
from storage.errors import InputError, StaleError
from storage.labelling.preferences import NewPreference, record, stored_submission
from storage.labelling.shown import Choice, HeldPair, pair_screens
from storage.labelling.verdicts import active, skipped
from storage.schema.tables import Claim, Preference

CHOICES = get_args(Choice)

HOLD_TIME = timedelta(minutes=30)


@dataclass(frozen=True)
class Submission:
    """A labeller's answer, in terms of what they saw."""

    submit_id: str
    """Made by the client, 1 to 64 characters; the same one is stored once."""
    pair_id: int
    choice: str
    """One of CHOICES."""
    seconds: float | None = None
    rationale: str | None = None
    shown: str | None = None
    """`PairScreen.shown` of what they saw; None leaves it open, as a script may."""


def hold(session: Session, labeller_id: int, *, count: int, now: datetime) -> list[HeldPair]:
    """Renew what the labeller holds, top it up to `count` pairs, and return all in turn order.

    A pair that the labeller has already judged or skipped is never given again.
    """
    session.execute(
        update(Claim).where(*_held_by(labeller_id)).values(until=now + HOLD_TIME),
        execution_options={"synchronize_session": False},
    )
    held = _held(session, labeller_id)
    turn = max((claim.turn for claim in held), default=0)
    while len(held) < count:
        turn += 1
        taken = _take_one(session, labeller_id, turn=turn, now=now)
        if taken is None:
            break
        held.append(taken)
    previous = _withdrawn_verdicts(session, labeller_id, [claim.pair_id for claim in held])
    return [
        HeldPair(claim.pair_id, claim.left, _as_choice(previous.get(claim.pair_id), claim.left))
        for claim in held
    ]


def submit(
    session: Session, labeller_id: int, submission: Submission, *, now: datetime
) -> Preference:
    """Store an answer to a held pair and close its claim; a skip frees the claim for others.

    The same submit_id returns the stored row and writes nothing.

    Raises:
        StaleError: the labeller does not hold the pair (any more), or saw something else in its
            place; nothing is written.
        InputError: the answer is none of CHOICES, or a field cannot be stored.
    """
    stored = stored_submission(session, submission.submit_id, labeller_id)
    if stored is not None:
        return stored
    claim, left = _claim_of(session, labeller_id, submission)
    preference = record_choice(session, labeller_id, submission, left, now=now)
    if preference.verdict is Verdict.SKIP:
        claim.labeller_id = claim.until = claim.left = claim.turn = None
    else:
        claim.preference_id = preference.id
    session.flush()
    return preference


def record_choice(
    session: Session, labeller_id: int, submission: Submission, left: Side, *, now: datetime
) -> Preference:
    """Store what a labeller has chosen between the sides that they saw; raises as `record` does."""
    new = NewPreference(
        submit_id=submission.submit_id,
        pair_id=submission.pair_id,
        labeller_id=labeller_id,
        verdict=as_verdict(submission.choice, left),
        left=left,
        seconds=submission.seconds,
        rationale=submission.rationale,
    )
    return record(session, new, now=now)


def _claim_of(session: Session, labeller_id: int, submission: Submission) -> tuple[Claim, Side]:
    """The labeller's claim on what they judged, and its left side; else raises StaleError."""
    pair_id = submission.pair_id
    claim = session.scalar(select(Claim).where(*_held_by(labeller_id), Claim.pair_id == pair_id))
    if claim is None or claim.left is None:
        raise _stale(session, pair_id, labeller_id)
    [screen] = pair_screens(session, [HeldPair(pair_id, claim.left)])
    if submission.shown not in (None, screen.shown):
        raise StaleError(
            f"What you judged is not what pair {pair_id} is now. Nothing was stored; judge the "
            "pair as it is shown now."
        )
    return claim, claim.left


def undo(session: Session, labeller_id: int, *, now: datetime) -> HeldPair | None:
    """Withdraw the labeller's last active verdict and give the pair back, with the same sides.

    It becomes the first in turn. Each further call walks one verdict further back; None means
    that there is nothing left. A skipped pair that somebody else has taken is passed over.
    """
    found = session.execute(_last_verdict(labeller_id, now)).first()
    if found is None:
        return None
    preference, claim = found
    left = preference.left or secrets.choice(list(Side))  # NULL: not judged on a screen of ours
    preference.withdrawn_at = now
    first = session.scalar(select(func.min(Claim.turn)).where(*_held_by(labeller_id)))
    claim.preference_id = None
    claim.labeller_id = labeller_id
    claim.until = now + HOLD_TIME
    claim.left = left
    claim.turn = 0 if first is None else first - 1
    session.flush()
    return HeldPair(claim.pair_id, left, _as_choice(preference.verdict, left))


def reopen_skipped(session: Session, labeller_id: int, *, now: datetime) -> int:
    """Withdraw the labeller's skips on pairs that are still open; return how many came back."""
    still_open = exists().where(Claim.pair_id == Preference.pair_id, Claim.preference_id.is_(None))
    withdrawn = session.execute(
        update(Preference)
        .where(
            Preference.labeller_id == labeller_id,
            *skipped(),
            still_open,
        )
        .values(withdrawn_at=now)
        .returning(Preference.id),
        execution_options={"synchronize_session": False},
    )
    return len(withdrawn.all())


@dataclass(frozen=True)
class _Held:
    pair_id: int
    left: Side
    turn: int


def _as_held(pair_id: int, left: Side | None, turn: int | None) -> _Held:
    if left is None or turn is None:
        raise RuntimeError(f"pair {pair_id} is held, but its side or turn was not drawn")
    return _Held(pair_id, left, turn)


def _held_by(labeller_id: int) -> tuple[ColumnElement[bool], ...]:
    return (Claim.labeller_id == labeller_id, Claim.preference_id.is_(None))


def _held(session: Session, labeller_id: int) -> list[_Held]:
    query = select(Claim.pair_id, Claim.left, Claim.turn).where(*_held_by(labeller_id))
    rows = session.execute(query.order_by(Claim.turn))
    return [_as_held(pair_id, left, turn) for pair_id, left, turn in rows]


def _take_one(session: Session, labeller_id: int, *, turn: int, now: datetime) -> _Held | None:
    free = aliased(Claim)
    judged = exists().where(
        Preference.pair_id == free.pair_id, Preference.labeller_id == labeller_id, *active()
    )
    first_free = (
        select(free.id)
        .where(
            free.preference_id.is_(None),
            or_(free.labeller_id.is_(None), free.until < now),
            ~judged,
        )
        .order_by(free.pair_id)
        .limit(1)
        .scalar_subquery()
    )
    taken = session.execute(
        update(Claim)
        .where(Claim.id == first_free)
        .values(
            labeller_id=labeller_id,
            until=now + HOLD_TIME,
            left=secrets.choice(list(Side)),
            turn=turn,
        )
        .returning(Claim.pair_id, Claim.left, Claim.turn),
        execution_options={"synchronize_session": False},
    ).first()
    return None if taken is None else _as_held(*taken)


def _withdrawn_verdicts(
    session: Session, labeller_id: int, pair_ids: Sequence[int]
) -> dict[int, Verdict]:
    # At most one of a labeller's verdicts on a pair is not superseded.
    query = select(Preference.pair_id, Preference.verdict).where(
        Preference.labeller_id == labeller_id,
        Preference.pair_id.in_(pair_ids),
        Preference.withdrawn_at.is_not(None),
        Preference.superseded_by.is_(None),
    )
    return {pair_id: verdict for pair_id, verdict in session.execute(query)}


def _last_verdict(labeller_id: int, now: datetime) -> Select[Preference, Claim]:
    skipped_and_free = and_(
        Preference.verdict == Verdict.SKIP,
        Claim.preference_id.is_(None),
        or_(Claim.labeller_id.is_(None), Claim.labeller_id == labeller_id, Claim.until < now),
    )
    return (
        select(Preference, Claim)
        .join(Claim, Claim.pair_id == Preference.pair_id)
        .where(
            Preference.labeller_id == labeller_id,
            *active(),
            or_(Claim.preference_id == Preference.id, skipped_and_free),
        )
        .order_by(Preference.id.desc())
        .limit(1)
    )


def as_verdict(choice: str, left: Side) -> Verdict:
    """Return which completion a choice of sides means.

    Raises:
        InputError: the choice is none of CHOICES.
    """
    if choice not in CHOICES:
        raise InputError(f'The verdict "{choice}" is unknown. Send one of {", ".join(CHOICES)}.')
    if choice in ("left", "right"):
        return Verdict(left if choice == "left" else left.other)
    return Verdict(choice)


def _as_choice(verdict: Verdict | None, left: Side) -> Choice | None:
    if verdict is None:
        return None
    if verdict in (Verdict.A, Verdict.B):
        return "left" if verdict.value == left.value else "right"
    return cast(Choice, verdict.value)


def _stale(session: Session, pair_id: int, labeller_id: int) -> StaleError:
    claim = session.scalar(select(Claim).where(Claim.pair_id == pair_id))
    if claim is None:
        return StaleError(f"Pair {pair_id} is not in the labelling queue. Nothing was stored.")
    judged = session.scalar(
        select(Preference.id).where(
            Preference.pair_id == pair_id, Preference.labeller_id == labeller_id, *active()
        )
    )
    if judged is not None:
        return StaleError(
            f"You have already judged pair {pair_id}. Nothing was stored; use Undo to change it."
        )
    return StaleError(
        f"You do not hold pair {pair_id} any more, and somebody else may be judging it. "
        "Nothing was stored; go on with the next pair."
    )
