"""Preferences: one row a submission, history kept, counts right."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from storage.clock import utc_now
from storage.enums import LabellerKind, PairOrigin, Side, Verdict
from storage.errors import InputError, NotFoundError
from storage.labelling.labellers import human_labeller
from storage.labelling.preferences import NewPreference, counts, progress, record
from storage.schema.database import Database
from storage.schema.tables import Labeller, Preference
from storage.users import local_user
from tests.storage.conftest import Judge, MakeLabeller, MakePairs


def _new(pair_id: int, labeller_id: int, **changes: object) -> NewPreference:
    fields: dict[str, object] = {
        "submit_id": "one",
        "pair_id": pair_id,
        "labeller_id": labeller_id,
        "verdict": Verdict.A,
        "left": Side.B,
        "seconds": 3.5,
        "rationale": "短一点更好 ",
    }
    return NewPreference(**(fields | changes))  # type: ignore[arg-type]


def test_same_submission_is_stored_once_and_keeps_its_first_verdict(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    (pair_id,), me = make_pairs(1), make_labeller("me")
    with database.session_scope() as session:
        first = record(session, _new(pair_id, me))
    with database.session_scope() as session:
        again = record(session, _new(pair_id, me, verdict=Verdict.B))
    assert (again.id, again.verdict, again.left) == (first.id, Verdict.A, Side.B)
    assert (again.seconds, again.rationale) == (3.5, "短一点更好 ")
    with database.read_scope() as session:
        assert session.scalar(select(func.count(Preference.id))) == 1


def test_submission_of_another_labeller_is_refused(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    (pair_id,), me, other = make_pairs(1), make_labeller("me"), make_labeller("other")
    with database.session_scope() as session:
        record(session, _new(pair_id, me))
    with database.session_scope() as session, pytest.raises(InputError, match="another labeller"):
        record(session, _new(pair_id, other))


def test_changed_verdict_supersedes_the_earlier_one(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    (pair_id,), me = make_pairs(1), make_labeller("me")
    with database.session_scope() as session:
        first = record(session, _new(pair_id, me))
        second = record(session, _new(pair_id, me, submit_id="two", verdict=Verdict.TIE))
        third = record(session, _new(pair_id, me, submit_id="three", verdict=Verdict.B))
    with database.read_scope() as session:
        rows = session.scalars(select(Preference).order_by(Preference.id)).all()
        assert [row.superseded_by for row in rows] == [second.id, third.id, None]
        assert [row.withdrawn_at is None for row in rows] == [False, False, True]
        assert first.id == rows[0].id
        assert progress(session, me).by_me == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"submit_id": ""},
        {"submit_id": "x" * 65},
        {"submit_id": "\ud800"},
        {"seconds": -1.0},
        {"seconds": float("nan")},
        {"strength": float("inf")},
        {"rationale": "a\0b"},
    ],
)
def test_fields_that_cannot_be_stored_are_refused(
    database: Database,
    make_pairs: MakePairs,
    make_labeller: MakeLabeller,
    changes: dict[str, object],
) -> None:
    (pair_id,), me = make_pairs(1), make_labeller("me")
    with database.session_scope() as session, pytest.raises(InputError):
        record(session, _new(pair_id, me, **changes))
    with database.read_scope() as session:
        assert session.scalar(select(func.count(Preference.id))) == 0


def test_unknown_pair_is_refused(database: Database, make_labeller: MakeLabeller) -> None:
    me = make_labeller("me")
    with database.session_scope() as session, pytest.raises(NotFoundError, match="Pair 5"):
        record(session, _new(5, me))


def test_counts_of_an_empty_database_are_zero(database: Database) -> None:
    with database.read_scope() as session:
        found = counts(session)
    assert set(vars(found).values()) == {0}


def test_counts_tell_mine_from_all_and_leave_skips_and_votes_out(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller, judge: Judge
) -> None:
    pairs = make_pairs(5)
    (comparison,) = make_pairs(1, origin=PairOrigin.COMPARISON)
    me, other = make_labeller("me"), make_labeller("other")
    judge(pairs[0], Verdict.A, labeller_id=me)
    judge(pairs[1], Verdict.TIE, labeller_id=me)
    judge(pairs[2], Verdict.SKIP, labeller_id=me)
    judge(pairs[0], Verdict.BOTH_BAD, labeller_id=other)
    judge(comparison, Verdict.B, labeller_id=me)
    with database.read_scope() as session:
        everything = counts(session)
        found = progress(session, me)
    assert (everything.num_prompts, everything.num_pairs, everything.num_adapters) == (6, 6, 0)
    assert everything.num_labelled == 3
    assert found.by_all == 3
    assert found.by_me == found.by_me_today == 2
    assert found.num_skipped == 1


def test_today_starts_at_midnight(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    one, two = make_pairs(2)
    me, now = make_labeller("me"), utc_now()
    with database.session_scope() as session:
        record(session, _new(one, me), now=now - timedelta(days=1, hours=1))
        record(session, _new(two, me, submit_id="two"), now=now)
        found = progress(session, me, now=now)
    assert (found.by_me, found.by_me_today) == (2, 1)


def test_labellers_are_found_again(database: Database) -> None:
    with database.session_scope() as session:
        user = local_user(session)
        assert local_user(session).id == user.id
        me = human_labeller(session, user.id, user.name)
        assert human_labeller(session, user.id, "renamed").id == me.id
        session.add(Labeller(kind=LabellerKind.IMPORTED, name=user.name))
        assert human_labeller(session, None, user.name).id == me.id
        assert me.kind is LabellerKind.HUMAN
