"""A pair's whole history, and verdicts that are withdrawn without being forgotten."""

import pytest

from storage.clock import utc_now
from storage.database import Database
from storage.enums import Verdict
from storage.errors import NotFoundError
from storage.labelling_queue import Submission, hold, submit
from storage.pair_history import (
    pair_history,
    withdraw_labeller,
    withdraw_verdict,
)
from storage.preferences import NewPreference, counts, record

from .conftest import MakeLabeller, MakePairs


def _label(database: Database, labeller: int, count: int) -> list[int]:
    made = []
    for _ in range(count):
        with database.session_scope() as session:
            pair = hold(session, labeller, count=1, now=utc_now())[0].pair_id
            made.append(
                submit(
                    session, Submission(f"{labeller}-{pair}", pair, labeller, "tie"), now=utc_now()
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
        withdraw_verdict(session, verdict, now=utc_now())
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
        assert withdraw_labeller(session, ann, now=utc_now()) == 2
        assert withdraw_labeller(session, ann, now=utc_now()) == 0
    with database.read_scope() as session:
        assert (counts(session).num_labelled, counts(session).num_open) == (1, 2)


def test_unknown_pair_is_said(database: Database) -> None:
    with database.read_scope() as session, pytest.raises(NotFoundError, match="Pair 7"):
        pair_history(session, 7)
