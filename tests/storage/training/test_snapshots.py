"""Freezing: what trains, what is held out, what is left out, and a hash of the content."""

import json
import random
from pathlib import Path

import pytest
from sqlalchemy import event

from storage.data.conversations import content_hash, split_of
from storage.data.pairs import NewCompletion, add_pair
from storage.data.prompts import add_prompt
from storage.enums import CompletionOrigin, PairOrigin, Side, Split, Verdict
from storage.exporters.catalogue import format_named
from storage.exporters.exporting import export_files
from storage.exporters.filters import ExportFilter
from storage.labelling.labellers import human_labeller
from storage.labelling.preferences import NewPreference, record
from storage.schema.database import Database, open_database
from storage.settings import Settings
from storage.training.snapshots import freeze
from tests.storage.conftest import Judge, MakeLabeller, MakePairs
from tests.storage.importing_files import import_file


def test_chosen_is_the_side_that_the_verdicts_chose(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller, judge: Judge
) -> None:
    one, two = make_pairs(2)
    me = make_labeller("me")
    judge(one, Verdict.A, labeller_id=me)
    judge(two, Verdict.B, labeller_id=me)
    with database.read_scope() as session:
        snapshot = freeze(session)
    rows = {row["pair_id"]: row for row in snapshot.train + snapshot.heldout}
    assert rows[one] == {
        "prompt": [{"role": "user", "content": "prompt 1"}],
        "chosen": [{"role": "assistant", "content": "answer 1 a"}],
        "rejected": [{"role": "assistant", "content": "answer 1 b"}],
        "pair_id": one,
    }
    assert rows[two]["chosen"][0]["content"] == "answer 2 b"
    assert rows[two]["rejected"][0]["content"] == "answer 2 a"


def test_tie_is_left_out_of_the_training_set(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller, judge: Judge
) -> None:
    pairs = make_pairs(6)
    me, other = make_labeller("me"), make_labeller("other")
    judge(pairs[0], Verdict.TIE, labeller_id=me)
    judge(pairs[1], Verdict.BOTH_BAD, labeller_id=me)
    judge(pairs[2], Verdict.SKIP, labeller_id=me)
    judge(pairs[3], Verdict.A, labeller_id=me)
    judge(pairs[3], Verdict.B, labeller_id=other)
    judge(pairs[4], Verdict.A, labeller_id=me)
    with database.read_scope() as session:
        found = freeze(session).counts
    assert found.train + found.heldout == 1
    assert (found.ties, found.both_bad, found.skipped, found.unlabelled, found.equal) == (
        2,
        1,
        1,
        1,
        0,
    )


def test_superseded_verdict_does_not_train(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller, judge: Judge
) -> None:
    (pair_id,), me = make_pairs(1), make_labeller("me")
    judge(pair_id, Verdict.A, labeller_id=me)
    judge(pair_id, Verdict.TIE, labeller_id=me)
    with database.read_scope() as session:
        assert freeze(session).counts.ties == 1


def test_pair_with_equal_texts_does_not_train(
    database: Database, make_labeller: MakeLabeller, judge: Judge
) -> None:
    with database.session_scope() as session:
        prompt, _ = add_prompt(session, [{"role": "user", "content": "hi"}], source="test")
        answer = NewCompletion(text="same", origin=CompletionOrigin.GENERATED)
        pair = add_pair(session, prompt.id, answer, answer, origin=PairOrigin.COMPARISON)
    judge(pair.id, Verdict.A, labeller_id=make_labeller("me"))
    with database.read_scope() as session:
        assert freeze(session).counts.equal == 1


def test_held_out_prompts_never_train(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller, judge: Judge
) -> None:
    me = make_labeller("me")
    for pair_id in make_pairs(60):
        judge(pair_id, Verdict.A, labeller_id=me)
    with database.read_scope() as session:
        snapshot = freeze(session)
    assert snapshot.train
    assert snapshot.heldout
    for split, rows in ((Split.TRAIN, snapshot.train), (Split.HELDOUT, snapshot.heldout)):
        assert {split_of(content_hash(row["prompt"])) for row in rows} == {split}


def test_votes_on_comparisons_train_and_no_comparison_waits_for_a_verdict(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller, judge: Judge
) -> None:
    me = make_labeller("me")
    for pair_id in [*make_pairs(2), *make_pairs(1, origin=PairOrigin.COMPARISON)]:
        judge(pair_id, Verdict.A, labeller_id=me)
    make_pairs(1, origin=PairOrigin.COMPARISON)
    with database.read_scope() as session:
        found = freeze(session).counts
    assert (found.train + found.heldout, found.unlabelled) == (3, 0)


def _filled(folder: Path, numbers: list[int], *, choose: Verdict = Verdict.A) -> Database:
    database = open_database(Settings(data_folder=folder))
    with database.session_scope() as session:
        labeller = human_labeller(session, None, "me")
        for number in numbers:
            messages = [{"role": "user", "content": f"Frage {number} 你好"}]
            prompt, _ = add_prompt(session, messages, source="test")
            a, b = (
                NewCompletion(text=f"{number}{side}", origin=CompletionOrigin.GENERATED)
                for side in "ab"
            )
            pair = add_pair(session, prompt.id, a, b, origin=PairOrigin.GENERATED)
            new = NewPreference(f"s{number}", pair.id, labeller.id, choose, Side.A)
            record(session, new)
    return database


def _without_ids(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{key: value for key, value in row.items() if key != "pair_id"} for row in rows]


def test_hash_and_order_come_from_the_content_alone(tmp_path: Path) -> None:
    numbers = list(range(40))
    shuffled = random.Random(1).sample(numbers, len(numbers))  # noqa: S311
    snapshots = []
    for name, order in (("one", numbers), ("two", shuffled)):
        database = _filled(tmp_path / name, order)
        with database.read_scope() as session:
            snapshots.append(freeze(session))
        database.close()
    one, two = snapshots
    assert one.hash == two.hash
    assert one.hash.startswith("sha256:")
    assert _without_ids(one.train) == _without_ids(two.train)
    assert _without_ids(one.heldout) == _without_ids(two.heldout)


def test_another_verdict_gives_another_hash(tmp_path: Path) -> None:
    hashes = set()
    for name, choose in (("one", Verdict.A), ("two", Verdict.B), ("three", Verdict.TIE)):
        database = _filled(tmp_path / name, [1, 2, 3], choose=choose)
        with database.read_scope() as session:
            hashes.add(freeze(session).hash)
        database.close()
    assert len(hashes) == 3


@pytest.mark.parametrize("count", [3, 60])
def test_number_of_queries_does_not_grow_with_the_data(tmp_path: Path, count: int) -> None:
    database = _filled(tmp_path, list(range(count)))
    statements: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda *given: statements.append(given[2]),
    )
    with database.session_scope() as session:
        freeze(session)
    database.close()
    assert sum(statement.startswith("SELECT") for statement in statements) == 4


def test_export_holds_every_decided_pair_and_can_be_imported(
    tmp_path: Path,
    make_pairs: MakePairs,
    make_labeller: MakeLabeller,
    database: Database,
    judge: Judge,
) -> None:
    me = make_labeller("me")
    for pair_id, verdict in zip(
        make_pairs(12), [Verdict.A, Verdict.B, Verdict.TIE] * 4, strict=True
    ):
        judge(pair_id, verdict, labeller_id=me)
    path = tmp_path / "preferences.jsonl"
    with database.read_scope() as session:
        kind = format_named("trl_conversational")
        assert export_files(session, tmp_path, kind, ExportFilter()) == 8
        exported = freeze(session)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert {row["split"] for row in rows} <= {"train", "heldout"}
    assert [file.name for file in tmp_path.iterdir() if "preferences" in file.name] == [path.name]
    other = open_database(Settings(data_folder=tmp_path / "other"))
    with other.session_scope() as session:
        assert import_file(session, path, source="export").num_pairs == 8
        assert freeze(session).hash == exported.hash
    other.close()
