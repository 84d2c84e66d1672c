"""The queue as one annotator and as several meet it."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from storage.clock import utc_now
from storage.enums import Side, Verdict
from storage.errors import InputError, StaleError
from storage.labelling.preferences import progress
from storage.labelling.queue import (
    HOLD_TIME,
    Submission,
    hold,
    reopen_skipped,
    submit,
    undo,
)
from storage.labelling.shown import HeldPair, pair_screens
from storage.schema.database import Database
from storage.schema.tables import Preference
from tests.storage.conftest import MakeLabeller, MakePairs

NOW = utc_now()


class Annotator:
    """Someone at the label screen, who always has two pairs."""

    def __init__(self, database: Database, labeller_id: int) -> None:
        self.database = database
        self.id = labeller_id
        self.num_sent = 0

    def look(self, *, after: timedelta = timedelta()) -> list[HeldPair]:
        with self.database.session_scope() as session:
            return hold(session, self.id, count=2, now=NOW + after)

    def send(self, pair_id: int, choice: str, *, after: timedelta = timedelta()) -> Preference:
        self.num_sent += 1
        submission = Submission(
            submit_id=f"{self.id}-{self.num_sent}",
            pair_id=pair_id,
            choice=choice,
            seconds=1.5,
        )
        with self.database.session_scope() as session:
            return submit(session, self.id, submission, now=NOW + after)

    def roll_back(self) -> HeldPair | None:
        with self.database.session_scope() as session:
            return undo(session, self.id, now=NOW)

    def num_rows(self) -> int:
        with self.database.read_scope() as session:
            return session.scalar(select(func.count(Preference.id))) or 0


@pytest.fixture
def me(database: Database, make_labeller: MakeLabeller) -> Annotator:
    return Annotator(database, make_labeller("me"))


@pytest.fixture
def other(database: Database, make_labeller: MakeLabeller) -> Annotator:
    return Annotator(database, make_labeller("other"))


def _ids(held: list[HeldPair]) -> list[int]:
    return [pair.pair_id for pair in held]


def test_looking_again_brings_the_same_pairs_on_the_same_sides(
    me: Annotator, make_pairs: MakePairs
) -> None:
    pairs = make_pairs(5)
    first = me.look()
    assert _ids(first) == pairs[:2]
    assert all(me.look() == first for _ in range(10))


def test_sides_are_drawn_at_random(
    me: Annotator, make_pairs: MakePairs, database: Database
) -> None:
    make_pairs(80)
    with database.session_scope() as session:
        sides = [pair.left for pair in hold(session, me.id, count=80, now=NOW)]
    # Both missing 20 of 80 has a chance of about 5e-6.
    assert 20 < sides.count(Side.A) < 60


def test_choice_of_a_side_is_stored_as_the_completion_shown_there(
    me: Annotator, make_pairs: MakePairs
) -> None:
    make_pairs(30)
    for turn in range(30):
        held = me.look()[0]
        choice = "left" if turn % 2 else "right"
        stored = me.send(held.pair_id, choice)
        shown_left = stored.verdict.value == held.left.value
        assert shown_left == (choice == "left")
        assert (stored.left, stored.seconds) == (held.left, 1.5)
    assert me.look() == []


@pytest.mark.parametrize("choice", ["tie", "both_bad"])
def test_undecided_verdict_closes_the_pair(
    me: Annotator, other: Annotator, make_pairs: MakePairs, choice: str
) -> None:
    (pair_id,) = make_pairs(1)
    me.look()
    assert me.send(pair_id, choice).verdict is Verdict(choice)
    assert me.look() == other.look() == []


def test_skip_frees_the_pair_for_others_only(
    me: Annotator, other: Annotator, make_pairs: MakePairs
) -> None:
    one, two = make_pairs(2)
    me.look()
    me.send(one, "skip")
    assert _ids(me.look()) == [two]
    assert _ids(other.look()) == [one]
    other.send(one, "left")
    me.send(two, "skip")
    assert me.look() == []


def test_lone_annotator_who_skipped_everything_can_have_it_back(
    me: Annotator, make_pairs: MakePairs, database: Database
) -> None:
    pairs = make_pairs(2)
    me.look()
    for pair_id in pairs:
        me.send(pair_id, "skip")
    with database.session_scope() as session:
        assert progress(session, me.id).num_skipped == 2
        assert progress(session, me.id).num_open == 0
        assert reopen_skipped(session, me.id, now=NOW) == 2
        assert reopen_skipped(session, me.id, now=NOW) == 0
    assert _ids(me.look()) == pairs
    assert {pair.previous_verdict for pair in me.look()} == {"skip"}


def test_pair_of_somebody_else_is_stale_and_writes_nothing(
    me: Annotator, other: Annotator, make_pairs: MakePairs
) -> None:
    make_pairs(4)
    mine, theirs = me.look(), other.look()
    assert not set(_ids(mine)) & set(_ids(theirs))
    with pytest.raises(StaleError, match="do not hold pair"):
        me.send(theirs[0].pair_id, "left")
    with pytest.raises(StaleError, match="not in the labelling queue"):
        me.send(999, "left")
    assert me.num_rows() == 0
    assert other.look() == theirs


def test_second_verdict_without_undo_is_stale(me: Annotator, make_pairs: MakePairs) -> None:
    make_pairs(1)
    pair_id = me.look()[0].pair_id
    me.send(pair_id, "left")
    with pytest.raises(StaleError, match="already judged"):
        me.send(pair_id, "right")
    assert me.num_rows() == 1


def test_unknown_choice_is_refused_and_the_pair_stays(me: Annotator, make_pairs: MakePairs) -> None:
    make_pairs(1)
    held = me.look()
    with pytest.raises(InputError, match='"better" is unknown'):
        me.send(held[0].pair_id, "better")
    assert me.look() == held


def test_repeated_submission_returns_what_was_stored(
    me: Annotator, make_pairs: MakePairs, database: Database
) -> None:
    one, two = make_pairs(2)
    me.look()
    submission = Submission("same", one, "left")
    with database.session_scope() as session:
        first = submit(session, me.id, submission, now=NOW)
    with database.session_scope() as session:
        again = submit(session, me.id, submission, now=NOW)
    assert first.id == again.id
    assert me.num_rows() == 1
    assert _ids(me.look()) == [two]


def test_expired_hold_passes_to_whoever_asks_next(
    me: Annotator, other: Annotator, make_pairs: MakePairs
) -> None:
    one, _ = make_pairs(2)
    later = HOLD_TIME + timedelta(seconds=1)
    mine = me.look()
    assert other.look() == []
    assert _ids(other.look(after=later)) == _ids(mine)
    with pytest.raises(StaleError, match="do not hold"):
        me.send(one, "left", after=later)


def test_expired_hold_that_nobody_took_is_still_good(me: Annotator, make_pairs: MakePairs) -> None:
    make_pairs(2)
    held = me.look()
    me.send(held[0].pair_id, "left", after=HOLD_TIME * 3)
    assert _ids(me.look(after=HOLD_TIME * 3)) == [held[1].pair_id]


def test_undo_brings_the_pair_back_first_with_its_sides_and_verdict(
    me: Annotator, other: Annotator, make_pairs: MakePairs
) -> None:
    make_pairs(4)
    first = me.look()[0]
    me.send(first.pair_id, "right")
    following = me.look()
    back = me.roll_back()
    assert back == HeldPair(first.pair_id, first.left, "right")
    assert me.look() == [back, *following]
    assert first.pair_id not in _ids(other.look())


def test_undo_walks_back_as_far_as_one_likes(me: Annotator, make_pairs: MakePairs) -> None:
    pairs = make_pairs(4)
    choices = ["left", "tie", "skip", "both_bad"]
    for choice in choices:
        me.send(me.look()[0].pair_id, choice)
    back = [me.roll_back() for _ in range(4)]
    assert [(pair.pair_id, pair.previous_verdict) for pair in back if pair] == list(
        zip(reversed(pairs), reversed(choices), strict=True)
    )
    assert me.roll_back() is None
    assert _ids(me.look()) == pairs


def test_verdict_after_undo_supersedes_the_withdrawn_one(
    me: Annotator, make_pairs: MakePairs, database: Database
) -> None:
    (pair_id,) = make_pairs(1)
    me.look()
    first = me.send(pair_id, "left")
    me.roll_back()
    second = me.send(pair_id, "right")
    with database.read_scope() as session:
        stored = session.get_one(Preference, first.id)
        assert stored.superseded_by == second.id
        assert progress(session, me.id).by_me == 1
    assert first.left == second.left
    back = me.roll_back()
    assert back is not None
    assert back.previous_verdict == "right"


def test_undo_passes_over_a_skipped_pair_that_somebody_else_has_taken(
    me: Annotator, other: Annotator, make_pairs: MakePairs
) -> None:
    one, two = make_pairs(2)
    me.look()
    me.send(one, "left")
    me.send(two, "skip")
    assert _ids(other.look()) == [two]
    back = me.roll_back()
    assert back is not None
    assert back.pair_id == one
    assert me.roll_back() is None


def test_undo_does_not_touch_the_verdicts_of_others(
    me: Annotator, other: Annotator, make_pairs: MakePairs
) -> None:
    make_pairs(4)
    me.send(me.look()[0].pair_id, "left")
    other.send(other.look()[0].pair_id, "left")
    assert me.roll_back() is not None
    assert me.roll_back() is None
    with me.database.read_scope() as session:
        assert progress(session, other.id).by_me == 1


def _shown(database: Database, held: HeldPair) -> str:
    with database.read_scope() as session:
        return pair_screens(session, [held])[0].shown


def test_a_verdict_on_what_was_shown_is_stored(
    me: Annotator, make_pairs: MakePairs, database: Database
) -> None:
    make_pairs(1)
    [held] = me.look()
    submission = Submission("one", held.pair_id, "left", shown=_shown(database, held))
    with database.session_scope() as session:
        assert submit(session, me.id, submission, now=NOW).pair_id == held.pair_id


def test_a_verdict_on_something_else_than_the_pair_writes_nothing(
    me: Annotator, make_pairs: MakePairs, database: Database
) -> None:
    make_pairs(2)
    held, other = me.look()
    swapped = HeldPair(held.pair_id, held.left.other)
    for number, seen in enumerate([other, swapped]):
        submission = Submission(str(number), held.pair_id, "left", shown=_shown(database, seen))
        with (
            database.session_scope() as session,
            pytest.raises(StaleError, match=f"not what pair {held.pair_id} is now"),
        ):
            submit(session, me.id, submission, now=NOW)
    assert me.num_rows() == 0
    assert me.look() == [held, other]


def test_a_verdict_that_is_sent_again_is_stored_once_whatever_it_was_on(
    me: Annotator, make_pairs: MakePairs, database: Database
) -> None:
    make_pairs(1)
    [held] = me.look()
    first = me.send(held.pair_id, "left")
    again = Submission(first.submit_id, held.pair_id, "left", shown="another")
    with database.session_scope() as session:
        assert submit(session, me.id, again, now=NOW).id == first.id
