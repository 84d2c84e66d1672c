"""A pair's whole history, and verdicts that are withdrawn without being forgotten."""

import pytest

from storage.clock import utc_now
from storage.enums import Verdict
from storage.errors import NotFoundError, StaleError
from storage.labelling.history import (
    Withdrawal,
    count_again,
    pair_history,
    withdraw_labeller,
    withdraw_verdict,
)
from storage.labelling.preferences import NewPreference, counts, record
from storage.labelling.queue import Submission, hold, submit
from storage.schema.database import Database
from tests.storage.conftest import MakeLabeller, MakePairs


def _label(database: Database, labeller: int, count: int) -> list[int]:
    made = []
    for _ in range(count):
        with database.session_scope() as session:
            pair = hold(session, labeller, count=1, now=utc_now())[0].pair_id
            made.append(
                submit(
                    session, labeller, Submission(f"{labeller}-{pair}", pair, "tie"), now=utc_now()
                ).id
            )
    return made


def test_withdrawn_verdict_leaves_the_counts_and_reopens_its_pair_but_stays_in_the_history(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    (pair,), ann = make_pairs(1), make_labeller("ann")
    (verdict,) = _label(database, ann, 1)
    with database.session_scope() as session:
        assert counts(session).num_open == 0
        withdraw_verdict(session, verdict, now=utc_now())
    with database.session_scope() as session:
        assert (counts(session).num_labelled, counts(session).num_open) == (0, 1)
        history = pair_history(session, pair)
        assert [(row.id, row.labeller, row.verdict) for row in history.verdicts] == [
            (verdict, "ann", Verdict.TIE)
        ]
        assert history.verdicts[0].withdrawn_at is not None
        with pytest.raises(NotFoundError):
            withdraw_verdict(session, verdict, now=utc_now())


def test_pair_stays_closed_while_another_labeller_has_decided_it(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    (pair,), ann, bob = make_pairs(1), make_labeller("ann"), make_labeller("bob")
    (verdict,) = _label(database, ann, 1)
    with database.session_scope() as session:
        record(session, NewPreference("bob", pair, bob, Verdict.A, None))
        assert withdraw_verdict(session, verdict, now=utc_now()) == Withdrawal(1, 0)
    with database.read_scope() as session:
        assert (counts(session).num_labelled, counts(session).num_open) == (1, 0)


def test_all_of_a_labeller_are_withdrawn_and_nobody_elses(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    make_pairs(3)
    ann, bob = make_labeller("ann"), make_labeller("bob")
    _label(database, ann, 2)
    _label(database, bob, 1)
    with database.session_scope() as session:
        assert withdraw_labeller(session, ann, now=utc_now()) == Withdrawal(2, 2)
        assert withdraw_labeller(session, ann, now=utc_now()) == Withdrawal(0, 0)
    with database.read_scope() as session:
        assert (counts(session).num_labelled, counts(session).num_open) == (1, 2)


def test_withdrawn_verdict_can_count_again_and_closes_its_pair(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    make_pairs(1)
    (verdict,) = _label(database, make_labeller("ann"), 1)
    with database.session_scope() as session:
        with pytest.raises(StaleError, match="counts already"):
            count_again(session, verdict)
        withdraw_verdict(session, verdict, now=utc_now())
        assert counts(session).num_open == 1
        count_again(session, verdict)
    with database.session_scope() as session:
        assert (counts(session).num_labelled, counts(session).num_open) == (1, 0)
        assert withdraw_verdict(session, verdict, now=utc_now()) == Withdrawal(1, 1)
        with pytest.raises(NotFoundError, match="Verdict 99"):
            count_again(session, 99)


def test_replaced_verdict_cannot_count_beside_the_later_one(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    (pair,), ann = make_pairs(1), make_labeller("ann")
    with database.session_scope() as session:
        first = record(session, NewPreference("one", pair, ann, Verdict.A, None)).id
        record(session, NewPreference("two", pair, ann, Verdict.B, None))
        with pytest.raises(StaleError, match="replaced by verdict"):
            count_again(session, first)


def test_pair_that_somebody_looks_at_stays_with_them_when_a_verdict_counts_again(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    make_pairs(1)
    (verdict,) = _label(database, make_labeller("ann"), 1)
    bob = make_labeller("bob")
    with database.session_scope() as session:
        withdraw_verdict(session, verdict, now=utc_now())
        held = hold(session, bob, count=1, now=utc_now())[0].pair_id
        count_again(session, verdict)
        submit(session, bob, Submission("bob", held, "tie"), now=utc_now())
        assert [row.labeller for row in pair_history(session, held).verdicts] == ["ann", "bob"]


def test_unknown_pair_is_said(database: Database) -> None:
    with database.read_scope() as session, pytest.raises(NotFoundError, match="Pair 7"):
        pair_history(session, 7)
