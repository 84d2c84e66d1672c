"""Preferences: one labeller's verdicts, stored once a submission, and the counts over them."""

import math
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.clock import utc_now
from storage.data.conversations import text_problem
from storage.enums import Side, TallyKind, Verdict
from storage.errors import InputError, NotFoundError
from storage.labelling.verdicts import decided, is_comparison, skipped
from storage.schema.tables import Adapter, Claim, Pair, Preference
from storage.search import tallies


@dataclass(frozen=True)
class NewPreference:
    """A verdict to be stored; its fields are columns."""

    submit_id: str
    """Made by the client, 1 to 64 characters; the same one is stored once."""
    pair_id: int
    labeller_id: int
    verdict: Verdict
    left: Side | None
    """Which completion was shown left; None if nobody looked at it here."""
    seconds: float | None = None
    """Time taken."""
    rationale: str | None = None
    strength: float | None = None
    """How much better, in the labeller's own unit."""


@dataclass(frozen=True)
class Counts:
    """The numbers that screens show. A pair is labelled by an active verdict other than skip."""

    num_prompts: int
    num_pairs: int
    num_labelled: int
    num_open: int
    """Pairs that wait for a verdict."""
    num_adapters: int


@dataclass(frozen=True)
class Progress:
    """How far the labelling is, cheap enough to be counted at every verdict."""

    by_me: int
    """Verdicts other than skips by the labeller, comparisons left out."""
    by_me_today: int
    by_all: int
    """Pairs with an active verdict other than skip, of any labeller."""
    num_open: int
    """Pairs that wait for a verdict, of those that the labeller has not skipped."""
    num_skipped: int
    """Open pairs that the labeller has skipped."""
    position: int
    """Of the pair on the screen among the labeller's own, from 1."""


def record(session: Session, new: NewPreference, *, now: datetime | None = None) -> Preference:
    """Store a verdict; the same submit_id returns the stored row and writes nothing.

    An earlier verdict of the same labeller on the same pair is kept as superseded.

    Raises:
        NotFoundError: there is no such pair.
        InputError: a field cannot be stored, or the submit_id belongs to somebody else.
    """
    stored = stored_submission(session, new.submit_id, new.labeller_id)
    if stored is not None:
        return stored
    _check(session, new)
    at = now or utc_now()
    earlier = _withdraw_earlier(session, new, at)
    preference = Preference(**vars(new), created_at=at)
    session.add(preference)
    session.flush()
    if earlier is not None:
        earlier.superseded_by = preference.id
        session.flush()
    return preference


def stored_submission(session: Session, submit_id: str, labeller_id: int) -> Preference | None:
    """Return what a submission has stored, if it has come before.

    Raises:
        InputError: the submit_id cannot be stored, or was used by another labeller.
    """
    if not 1 <= len(submit_id) <= 64 or text_problem(submit_id):
        raise InputError("The submit_id must be a text of 1 to 64 characters, made by the client.")
    stored = session.scalar(select(Preference).where(Preference.submit_id == submit_id))
    if stored is not None and stored.labeller_id != labeller_id:
        raise InputError(
            "This submit_id was used by another labeller, so nothing was stored. Make a new one, "
            "such as a random UUID, for each verdict."
        )
    return stored


def counts(session: Session) -> Counts:
    """Count everything that the header shows."""
    tallied = tallies.numbers(session)
    return Counts(
        num_prompts=tallied[TallyKind.PROMPTS],
        num_pairs=tallied[TallyKind.PAIRS],
        num_labelled=tallied[TallyKind.LABELLED],
        num_open=tallied[TallyKind.OPEN],
        num_adapters=_count(session, Adapter.id),
    )


def progress(session: Session, labeller_id: int, *, now: datetime | None = None) -> Progress:
    """Count what a labeller sees; "today" starts at midnight of this machine's zone."""
    midnight = (now or utc_now()).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    tallied, num_skipped = tallies.numbers(session), _num_skipped(session, labeller_id)
    by_me = _num_verdicts(session, labeller_id)
    return Progress(
        by_me=by_me,
        by_me_today=_num_verdicts(session, labeller_id, Preference.created_at >= midnight),
        by_all=tallied[TallyKind.LABELLED],
        num_open=tallied[TallyKind.OPEN] - num_skipped,
        num_skipped=num_skipped,
        position=by_me + 1,
    )


def _withdraw_earlier(session: Session, new: NewPreference, at: datetime) -> Preference | None:
    # At most one verdict of a labeller on a pair is not superseded.
    earlier = session.scalar(
        select(Preference).where(
            Preference.labeller_id == new.labeller_id,
            Preference.pair_id == new.pair_id,
            Preference.superseded_by.is_(None),
        )
    )
    if earlier is not None:
        earlier.withdrawn_at = earlier.withdrawn_at or at
        session.flush()  # before the insert: the table allows one active verdict
    return earlier


def _check(session: Session, new: NewPreference) -> None:
    if new.seconds is not None and not (math.isfinite(new.seconds) and new.seconds >= 0):
        raise InputError("The time taken must be a number of seconds, zero or more.")
    if new.strength is not None and not math.isfinite(new.strength):
        raise InputError("The strength of a verdict must be a finite number.")
    if new.rationale is not None and (problem := text_problem(new.rationale)):
        raise InputError(f"The reason cannot be stored: it is a text {problem}.")
    if session.get(Pair, new.pair_id) is None:
        raise NotFoundError(f"Pair {new.pair_id} does not exist. Go on with the next pair.")


def _count(
    session: Session, column: InstrumentedAttribute[int], *where: ColumnElement[bool]
) -> int:
    return session.scalar(select(func.count(column)).where(*where)) or 0


def _num_verdicts(session: Session, labeller_id: int, *where: ColumnElement[bool]) -> int:
    # A person's verdicts are never imported; saying so makes the small index fit.
    given_here = Preference.import_id.is_(None)
    mine = (Preference.labeller_id == labeller_id, *decided(), given_here, *where)
    # Comparisons are few and have their own index: subtracting them spares a join over all.
    comparison = Preference.pair_id.in_(select(Pair.id).where(is_comparison()))
    num_votes = _count(session, Preference.id, comparison, *mine)
    return _count(session, Preference.id, *mine) - num_votes


def _num_skipped(session: Session, labeller_id: int) -> int:
    query = (
        select(func.count())
        .select_from(Preference)
        .join(Claim, Claim.pair_id == Preference.pair_id)
    )
    return (
        session.scalar(
            query.where(
                Preference.labeller_id == labeller_id,
                *skipped(),
                Claim.preference_id.is_(None),
            )
        )
        or 0
    )
