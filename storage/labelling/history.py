"""One pair with every verdict that it ever had, and taking verdicts out of account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy.orm import Session

from storage.data.conversations import Message
from storage.enums import CompletionOrigin, LabellerKind, PairOrigin, Side, Split, Verdict
from storage.errors import NotFoundError, StaleError
from storage.labelling.verdicts import active, decided
from storage.schema.tables import Claim, Completion, Labeller, Pair, Preference, Prompt


@dataclass(frozen=True)
class VerdictRow:
    """A verdict, whether it still counts or not."""

    id: int
    pair_id: int
    labeller_id: int
    labeller: str
    kind: LabellerKind
    verdict: Verdict
    left: Side | None
    """Which completion was shown left; None if nobody looked at it here."""
    seconds: float | None
    rationale: str | None
    strength: float | None
    created_at: datetime
    withdrawn_at: datetime | None
    superseded_by: int | None
    """The later verdict of the same labeller that took its place."""


@dataclass(frozen=True)
class AnswerRow:
    """An answer, and how it came about."""

    text: str
    origin: CompletionOrigin
    model: str | None
    adapter: str | None
    sampling: dict[str, Any] | None


@dataclass(frozen=True)
class PairHistory:
    """A pair, and all that was ever decided on it."""

    id: int
    prompt_id: int
    messages: list[Message]
    source: str
    tags: tuple[str, ...]
    split: Split
    origin: PairOrigin
    round: int
    a: AnswerRow
    b: AnswerRow
    verdicts: list[VerdictRow]
    """In the order in which they were stored."""


def verdict_rows(session: Session, preference_ids: Sequence[int]) -> list[VerdictRow]:
    """Return the verdicts that exist among `preference_ids`, the newest first."""
    return _rows(session, Preference.id.in_(preference_ids))


def pair_history(session: Session, pair_id: int) -> PairHistory:
    """Return a pair with its prompt, its answers, and every verdict.

    Raises:
        NotFoundError: there is no such pair.
    """
    pair = session.get(Pair, pair_id)
    if pair is None:
        raise NotFoundError(f"Pair {pair_id} does not exist. Choose another one.")
    prompt = session.get_one(Prompt, pair.prompt_id)
    return PairHistory(
        id=pair.id,
        prompt_id=prompt.id,
        messages=prompt.messages,
        source=prompt.source,
        tags=tuple(prompt.tags),
        split=prompt.split,
        origin=pair.origin,
        round=pair.round,
        a=_answer(session, pair.completion_a),
        b=_answer(session, pair.completion_b),
        verdicts=_rows(session, Preference.pair_id == pair_id)[::-1],
    )


@dataclass(frozen=True)
class Withdrawal:
    """What came of taking verdicts out of account."""

    num_verdicts: int
    num_reopened: int
    """Pairs that wait for a verdict again; nobody else's verdict decides them."""


def withdraw_verdict(session: Session, preference_id: int, *, now: datetime) -> Withdrawal:
    """Take one verdict out of account; it stays in the history.

    Raises:
        NotFoundError: there is no such verdict, or it does not count any more.
    """
    done = _withdraw(session, Preference.id == preference_id, now=now)
    if not done.num_verdicts:
        raise NotFoundError(
            f"Verdict {preference_id} does not exist or no longer counts. Nothing was changed."
        )
    return done


def withdraw_labeller(session: Session, labeller_id: int, *, now: datetime) -> Withdrawal:
    """Take all verdicts of a labeller out of account."""
    return _withdraw(session, Preference.labeller_id == labeller_id, now=now)


def count_again(session: Session, preference_id: int) -> None:
    """Let a verdict that was withdrawn count again; its pair leaves the queue, unless it is held.

    Raises:
        NotFoundError: there is no such verdict.
        StaleError: it counts already, or its labeller has given a later one.
    """
    stored = session.get(Preference, preference_id)
    if stored is None:
        raise NotFoundError(f"Verdict {preference_id} does not exist. Nothing was changed.")
    if stored.withdrawn_at is None:
        raise StaleError(f"Verdict {preference_id} counts already. Nothing was changed.")
    if stored.superseded_by is not None:
        raise StaleError(
            f"Verdict {preference_id} was replaced by verdict {stored.superseded_by} of the same "
            "labeller, so it cannot count beside it."
        )
    stored.withdrawn_at = None
    session.flush()
    if stored.verdict is not Verdict.SKIP:
        session.execute(
            update(Claim)
            .where(
                Claim.pair_id == stored.pair_id,
                Claim.preference_id.is_(None),
                Claim.labeller_id.is_(None),
            )
            .values(preference_id=preference_id),
            execution_options={"synchronize_session": False},
        )
    session.expire_all()


def _withdraw(session: Session, which: ColumnElement[bool], *, now: datetime) -> Withdrawal:
    # A pair goes back into the queue unless somebody else's verdict still decides it.
    session.flush()
    other = (
        select(Preference.id)
        .where(Preference.pair_id == Claim.pair_id, *decided(), ~which)
        .order_by(Preference.id.desc())
        .limit(1)
        .correlate(Claim)
        .scalar_subquery()
    )
    closed = Claim.preference_id.in_(select(Preference.id).where(which, *active()))
    moved = session.scalars(
        update(Claim)
        .where(closed)
        .values(preference_id=other, labeller_id=None, until=None, left=None, turn=None)
        .returning(Claim.preference_id),
        execution_options={"synchronize_session": False},
    )
    num_reopened = sum(preference_id is None for preference_id in moved)
    withdrawn = session.execute(
        update(Preference).where(which, *active()).values(withdrawn_at=now).returning(Preference.id)
    )
    num_verdicts = len(withdrawn.all())
    session.expire_all()
    return Withdrawal(num_verdicts, num_reopened)


def _answer(session: Session, completion_id: int) -> AnswerRow:
    stored = session.get_one(Completion, completion_id)
    return AnswerRow(stored.text, stored.origin, stored.model, stored.adapter, stored.sampling)


def _rows(session: Session, where: ColumnElement[bool]) -> list[VerdictRow]:
    # In the order of the fields of VerdictRow.
    columns: list[Any] = [Preference.id, Preference.pair_id]
    columns += [Labeller.id, Labeller.name, Labeller.kind]
    columns += [Preference.verdict, Preference.left, Preference.seconds, Preference.rationale]
    columns += [Preference.strength, Preference.created_at, Preference.withdrawn_at]
    query: Select[Any] = (
        select(*columns, Preference.superseded_by)
        .join(Labeller, Labeller.id == Preference.labeller_id)
        .where(where)
        .order_by(Preference.id.desc())
    )
    return [VerdictRow(*row) for row in session.execute(query)]
