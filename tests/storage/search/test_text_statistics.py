"""Statistics of what is stored: lengths by hand, a sample where there is much."""

import pytest

from storage.data.pairs import NewCompletion, add_pair
from storage.data.prompts import add_prompt
from storage.enums import CompletionOrigin, PairOrigin, Verdict
from storage.schema.database import Database
from storage.search import text_statistics
from storage.search.text_statistics import Lengths, data_numbers
from tests.storage.conftest import Judge, MakeLabeller


def _pair(database: Database, prompt: str, a: str, b: str, *, source: str = "x") -> int:
    with database.session_scope() as session:
        row, _ = add_prompt(session, [{"role": "user", "content": prompt}], source=source)
        answers = (NewCompletion(text=text, origin=CompletionOrigin.GENERATED) for text in (a, b))
        return add_pair(session, row.id, *answers, origin=PairOrigin.GENERATED).id


def test_lengths_are_of_chosen_and_rejected_and_only_what_counts_is_counted(
    database: Database, judge: Judge, make_labeller: MakeLabeller
) -> None:
    pairs = [
        _pair(database, "p" * 3, "a" * 10, "b" * 4),
        _pair(database, "p" * 5, "a" * 2, "b" * 6, source="y"),
        _pair(database, "p" * 9, "a" * 8, "b" * 7, source="y"),
    ]
    ann, bob = make_labeller("ann"), make_labeller("bob")
    judge(pairs[0], Verdict.TIE, labeller_id=ann)
    for pair, verdict in zip(pairs, (Verdict.A, Verdict.B, Verdict.B), strict=True):
        judge(pair, verdict, labeller_id=ann)
    judge(pairs[0], Verdict.SKIP, labeller_id=bob)
    with database.read_scope() as session:
        found = data_numbers(session)
    assert found.prompts == Lengths(5, 5, 9)
    assert found.chosen == Lengths(7, 7, 10)
    assert found.rejected == Lengths(4, 4, 8)
    assert found.share_longer == pytest.approx(2 / 3)
    assert found.verdicts == {Verdict.A: 1, Verdict.B: 2, Verdict.SKIP: 1}
    assert (found.sources, found.rounds) == ([("y", 2), ("x", 1)], {0: 3})
    assert not found.is_sample


def test_much_is_measured_by_a_sample(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_statistics, "SAMPLE", 5)
    for number in range(9):
        _pair(database, f"p{number}", "a", "b")
    with database.read_scope() as session:
        found = data_numbers(session)
    assert found.is_sample
    assert found.prompts == Lengths(2, 2, 2)
    assert found.rounds == {0: 9}


def test_empty_database_has_no_lengths(database: Database) -> None:
    with database.read_scope() as session:
        found = data_numbers(session)
    assert (found.prompts, found.chosen, found.share_longer) == (None, None, None)
    assert (found.verdicts, found.sources, found.rounds) == ({}, [], {})
