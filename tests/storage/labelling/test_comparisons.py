"""Comparisons of base and tuned answers, and answers that an annotator has edited."""

import pytest

from storage.clock import utc_now
from storage.data.pairs import NewCompletion
from storage.data.prompts import add_prompt, prompt_detail
from storage.enums import CompletionOrigin, Holds, RunKind, Side
from storage.errors import InputError, NotFoundError, StaleError
from storage.labelling.comparisons import (
    ComparisonCounts,
    NewComparison,
    add_comparison,
    asked_comparison,
    comparison_counts,
    vote,
)
from storage.labelling.edits import Edit, add_edit
from storage.labelling.preferences import counts, progress
from storage.labelling.queue import Submission, hold
from storage.schema.database import Database
from storage.schema.tables import Pair
from storage.training.adapters import NewAdapter, add_adapter
from storage.training.runs import NewRun, create_run
from storage.training.snapshots import freeze
from tests.storage.conftest import MakeLabeller, MakePairs

NOW = utc_now()


@pytest.fixture
def adapter_id(database: Database) -> int:
    with database.session_scope() as session:
        run = create_run(session, NewRun(kind=RunKind.DPO, recipe="dpo", base_model="starter"))
        folder = f"runs/{run.folder}/adapter"
        return add_adapter(
            session, NewAdapter(run.id, folder, Holds.ADAPTER, "starter", "sha256:0")
        ).id


def _compare(database: Database, adapter_id: int, asked_by: int, shown_left: Side) -> int:
    with database.session_scope() as session:
        prompt, _ = add_prompt(session, [{"role": "user", "content": "hi"}], source="compare")
        base, tuned = (
            NewCompletion(text=text, origin=CompletionOrigin.GENERATED)
            for text in ("long", "short")
        )
        new = NewComparison(prompt.id, base, tuned, adapter_id, asked_by, shown_left, round=1)
        return add_comparison(session, new).id


def _vote(database: Database, pair_id: int, labeller_id: int, choice: str) -> None:
    with database.session_scope() as session:
        submission = Submission(f"{pair_id}-{choice}", pair_id, choice)
        vote(session, labeller_id, submission, now=NOW)


def test_votes_are_counted_for_the_side_that_was_seen(
    database: Database, adapter_id: int, make_labeller: MakeLabeller
) -> None:
    me = make_labeller("me")
    votes = [(Side.A, "right"), (Side.B, "left"), (Side.A, "left"), (Side.B, "tie")]
    for shown_left, choice in [*votes, (Side.A, "both_bad"), (Side.A, "skip")]:
        _vote(database, _compare(database, adapter_id, me, shown_left), me, choice)
    with database.read_scope() as session:
        assert comparison_counts(session, adapter_id) == ComparisonCounts(
            num_tuned=2, num_base=1, num_ties=1, num_both_bad=1
        )
        assert comparison_counts(session, adapter_id + 1) == ComparisonCounts(0, 0, 0, 0)


def test_comparison_is_never_in_the_queue_but_its_vote_can_train(
    database: Database, adapter_id: int, make_labeller: MakeLabeller
) -> None:
    me = make_labeller("me")
    pair_id = _compare(database, adapter_id, me, Side.A)
    with database.session_scope() as session:
        assert hold(session, me, count=2, now=NOW) == []
    _vote(database, pair_id, me, "right")
    with database.read_scope() as session:
        snapshot = freeze(session)
        (row,) = snapshot.train + snapshot.heldout
        assert row["chosen"][0]["content"] == "short"
        assert progress(session, me).by_me == 0


def test_second_vote_supersedes_the_first(
    database: Database, adapter_id: int, make_labeller: MakeLabeller
) -> None:
    me = make_labeller("me")
    pair_id = _compare(database, adapter_id, me, Side.A)
    _vote(database, pair_id, me, "left")
    _vote(database, pair_id, me, "right")
    with database.read_scope() as session:
        assert comparison_counts(session, adapter_id) == ComparisonCounts(1, 0, 0, 0)


def test_only_whoever_asked_may_vote(
    database: Database, adapter_id: int, make_labeller: MakeLabeller, make_pairs: MakePairs
) -> None:
    me, other = make_labeller("me"), make_labeller("other")
    pair_id = _compare(database, adapter_id, me, Side.A)
    (generated,) = make_pairs(1)
    for pair, labeller in ((pair_id, other), (generated, me), (99, me)):
        with pytest.raises(StaleError, match="not one that you asked for"):
            _vote(database, pair, labeller, "left")
    with pytest.raises(InputError, match="unknown"):
        _vote(database, pair_id, me, "base")
    with database.read_scope() as session:
        assert asked_comparison(session, pair_id, me).id == pair_id
        assert comparison_counts(session, adapter_id) == ComparisonCounts(0, 0, 0, 0)


def _edit(database: Database, pair_id: int, labeller_id: int, text: str) -> int:
    with database.session_scope() as session:
        new = Edit("edit", pair_id, "right", text)
        return add_edit(session, labeller_id, new, left=Side.A, now=NOW).id


def test_edited_answer_is_chosen_over_its_original(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    (pair_id,), me = make_pairs(1), make_labeller("me")
    first = _edit(database, pair_id, me, "a better answer")
    assert _edit(database, pair_id, me, "a better answer") == first
    with database.session_scope() as session:
        snapshot = freeze(session)
        (row,) = snapshot.train + snapshot.heldout
        assert row["chosen"][0]["content"] == "a better answer"
        assert row["rejected"][0]["content"] == "answer 1 b"
        completions = prompt_detail(session, session.get_one(Pair, pair_id).prompt_id).completions
        assert [row.origin for row in completions].count(CompletionOrigin.EDITED) == 1
        # The pair itself is still open, and the decided one is not offered.
        assert [pair.pair_id for pair in hold(session, me, count=5, now=NOW)] == [pair_id]


@pytest.mark.parametrize("text", ["", " \n", "answer 1 b", " answer 1 b ", "a\0"])
def test_edit_that_changes_nothing_or_cannot_be_stored_is_refused(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller, text: str
) -> None:
    (pair_id,), me = make_pairs(1), make_labeller("me")
    with pytest.raises(InputError, match="edited answer"):
        _edit(database, pair_id, me, text)
    with pytest.raises(NotFoundError, match="Pair 99"):
        _edit(database, 99, me, "text")
    with database.read_scope() as session:
        assert counts(session).num_pairs == 1


def test_verdict_of_an_edit_counts_as_the_labellers_own(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    (pair_id,), me = make_pairs(1), make_labeller("me")
    _edit(database, pair_id, me, "a better answer")
    with database.read_scope() as session:
        assert progress(session, me).by_me == 1
