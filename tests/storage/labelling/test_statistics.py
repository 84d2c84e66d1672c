"""Counts over verdicts by verdict, side and labeller."""

from storage.enums import LabellerKind, PairOrigin, Side, Verdict
from storage.labelling.preferences import NewPreference, record
from storage.labelling.statistics import Agreement, LabellerCounts, agreement, verdict_counts
from storage.schema.database import Database
from tests.storage.conftest import Judge, MakeLabeller, MakePairs


def test_active_verdicts_are_counted_by_verdict_side_and_labeller(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    me, other = make_labeller("me"), make_labeller("other")
    rows = [
        (me, Verdict.A, Side.A, 1.0),
        (me, Verdict.B, Side.A, 4.0),
        (me, Verdict.TIE, Side.B, 2.0),
        (other, Verdict.B, Side.B, None),
        (other, Verdict.A, None, None),
    ]
    pairs = make_pairs(len(rows))
    with database.session_scope() as session:
        for number, (labeller_id, verdict, left, seconds) in enumerate(rows):
            new = NewPreference(str(number), pairs[number], labeller_id, verdict, left, seconds)
            record(session, new)
        record(session, NewPreference("again", pairs[2], me, Verdict.BOTH_BAD, Side.B))
    with database.read_scope() as session:
        found = verdict_counts(session)
    assert found.verdicts == {Verdict.A: 2, Verdict.B: 2, Verdict.BOTH_BAD: 1}
    assert (found.num_left, found.num_decisive) == (2, 3)
    assert found.labellers == [
        LabellerCounts("me", LabellerKind.HUMAN, 3, 2.5),
        LabellerCounts("other", LabellerKind.HUMAN, 2, None),
    ]


def test_no_verdicts_count_as_zero(database: Database) -> None:
    with database.read_scope() as session:
        found = verdict_counts(session)
    assert (found.verdicts, found.num_left, found.num_decisive, found.labellers) == ({}, 0, 0, [])


def test_agreement_compares_decisive_verdicts_of_different_labellers(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller, judge: Judge
) -> None:
    labellers = [make_labeller(name) for name in ("one", "two", "three")]
    same, split, tied, alone = make_pairs(4)
    (comparison,) = make_pairs(1, origin=PairOrigin.COMPARISON)
    verdicts = {
        same: [Verdict.A, Verdict.A],
        split: [Verdict.A, Verdict.B, Verdict.A],
        tied: [Verdict.A, Verdict.TIE, Verdict.SKIP],
        alone: [Verdict.B],
        comparison: [Verdict.A, Verdict.B],
    }
    for pair_id, given in verdicts.items():
        for labeller_id, verdict in zip(labellers, given, strict=False):
            judge(pair_id, verdict, labeller_id=labeller_id)
    with database.read_scope() as session:
        assert agreement(session) == Agreement(num_pairs=2, num_compared=4, num_disagreeing=2)


def test_changed_mind_is_no_disagreement(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller, judge: Judge
) -> None:
    (pair_id,), me = make_pairs(1), make_labeller("me")
    judge(pair_id, Verdict.A, labeller_id=me)
    judge(pair_id, Verdict.B, labeller_id=me)
    with database.read_scope() as session:
        assert agreement(session) == Agreement(0, 0, 0)
