"""Whole files: all of it or nothing, nothing twice, and a report that says what happened."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import func, select

from storage.clock import utc_now
from storage.data.pairs import NewCompletion, add_pair
from storage.data.prompts import add_prompt
from storage.enums import CompletionOrigin, LabellerKind, PairOrigin, Verdict
from storage.errors import InputError
from storage.importers.importing import ImportOptions, file_reading
from storage.importers.report import ImportReport
from storage.importing.rolling_back import roll_back_some
from storage.importing.verdict_writing import Marks
from storage.importing.writing import import_text, store
from storage.labelling.history import pair_history
from storage.labelling.preferences import counts
from storage.labelling.queue import hold
from storage.schema.database import Database
from storage.schema.tables import Claim, Completion, Labeller, Pair, Preference, Prompt
from storage.training.snapshots import freeze
from tests.storage.importing_files import import_file, inspect_file

WriteRows = Callable[..., Path]


@pytest.fixture
def write_rows(tmp_path: Path) -> WriteRows:
    def write(*rows: Any, name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
        path.write_text("\n".join(lines), "utf-8")
        return path

    return write


def _judged(number: int) -> dict[str, str]:
    return {"prompt": f"Q{number}", "chosen": f"good {number}", "rejected": f"bad {number}"}


def _import(database: Database, path: Path, **options: Any) -> ImportReport:
    with database.session_scope() as session:
        return import_file(session, path, **({"source": "file"} | options))


def _table_sizes(database: Database) -> dict[str, int]:
    with database.read_scope() as session:
        return {
            table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Prompt, Completion, Pair, Preference, Claim, Labeller)
        }


def test_judged_pairs_become_verdicts_of_an_imported_labeller(
    database: Database, write_rows: WriteRows
) -> None:
    report = _import(database, write_rows(_judged(1), _judged(2)), source="helpful")
    assert (report.num_rows, report.num_pairs, report.num_unlabelled) == (2, 2, 0)
    with database.read_scope() as session:
        labeller = session.scalars(select(Labeller)).one()
        assert (labeller.kind, labeller.name) == (LabellerKind.IMPORTED, "helpful")
        preference = session.get_one(Preference, 1)
        assert (preference.verdict, preference.left) == (Verdict.A, None)
        view = pair_history(session, 1)
        assert (view.a.text, view.b.text, view.origin) == ("good 1", "bad 1", PairOrigin.IMPORTED)
        origins = set(session.scalars(select(Completion.origin)))
        assert origins == {CompletionOrigin.IMPORTED}
        snapshot = freeze(session)
        assert snapshot.counts.train + snapshot.counts.heldout == 2


def test_judged_pairs_are_not_offered_for_labelling_and_others_are(
    database: Database, write_rows: WriteRows
) -> None:
    unlabelled = {"prompt": "Q", "answer_a": "x", "answer_b": "y"}
    report = _import(database, write_rows(_judged(1), unlabelled))
    assert report.num_unlabelled == 1
    with database.session_scope() as session:
        held = hold(session, 1, count=10, now=utc_now())
        assert [pair_history(session, pair.pair_id).a.text for pair in held] == ["x"]
        assert counts(session).num_open == 1


def test_same_file_twice_stores_nothing_twice(database: Database, write_rows: WriteRows) -> None:
    unlabelled = {"prompt": "Q", "answer_a": "x", "answer_b": "y"}
    path = write_rows(_judged(1), _judged(2), unlabelled, {"prompt": "alone"})
    first = _import(database, path)
    sizes = _table_sizes(database)
    second = _import(database, path)
    assert _table_sizes(database) == sizes
    assert (first.num_existing, second.num_existing) == (0, 4)
    assert "4 here already" in second.summary


def test_verdicts_for_pairs_that_are_here_unlabelled_close_them(
    database: Database, write_rows: WriteRows
) -> None:
    row = {"prompt": "Q", "answer_a": "x", "answer_b": "y"}
    _import(database, write_rows(row))
    report = _import(database, write_rows({**row, "winner": "tie"}))
    assert (report.num_ties, report.num_existing) == (1, 0)
    with database.read_scope() as session:
        assert (counts(session).num_pairs, counts(session).num_open) == (1, 0)
        assert freeze(session).counts.ties == 1


def test_same_pairs_from_another_source_add_its_verdicts(
    database: Database, write_rows: WriteRows
) -> None:
    path = write_rows(_judged(1))
    _import(database, path, source="one")
    report = _import(database, path, source="two", verdicts_by="annotator 2")
    assert report.num_existing == 0
    with database.read_scope() as session:
        assert counts(session).num_pairs == 1
        assert set(session.scalars(select(Labeller.name))) == {"one", "annotator 2"}
        assert session.scalar(select(func.count(Preference.id))) == 2


def test_answers_of_several_pairs_of_one_prompt_are_stored_once(
    database: Database, write_rows: WriteRows
) -> None:
    rows = [{"prompt": "Q", "chosen": "best", "rejected": text} for text in ("b", "c", "d")]
    _import(database, write_rows(*rows))
    _import(database, write_rows({"prompt": "Q", "chosen": "best", "rejected": "e"}))
    assert _table_sizes(database) == {
        "prompts": 1,
        "completions": 5,
        "pairs": 4,
        "preferences": 4,
        "claims": 4,
        "labellers": 1,
    }


def test_repeated_rows_are_dropped_and_named(write_rows: WriteRows) -> None:
    row = {"prompt": "Q", "answer_a": "x", "answer_b": "y", "winner": "a"}
    path = write_rows(row, row, {**row, "winner": "b"}, {"prompt": "P"}, {"prompt": "P"})
    report = inspect_file(path)
    assert report.dropped == {"repeated": [2, 5], "repeated with another verdict": [3]}
    assert (report.num_pairs, report.num_prompts) == (1, 1)


def test_summary_reads_like_a_sentence(write_rows: WriteRows) -> None:
    def row(chosen: str, rejected: str) -> dict[str, str]:
        start = "\n\nHuman: Hi\n\nAssistant: "
        return {"chosen": start + chosen, "rejected": start + rejected}

    rows = [row(f"good {number}", "bad") for number in range(1492)]
    stranger = {"chosen": "\n\nHuman: a\n\nAssistant: x", "rejected": "\n\nHuman: b"}
    report = inspect_file(write_rows(*rows, *[row("x", "x")] * 5, *[stranger] * 3))
    assert report.summary == (
        "hh-rlhf raw · 1,500 rows · 1,492 pairs with verdicts · "
        "8 dropped (5 equal, 3 without a common prompt)"
    )
    assert report.dropped["equal"] == [1493, 1494, 1495, 1496, 1497]
    assert len(report.examples) == 5


def test_summary_of_a_mixed_file_names_everything(write_rows: WriteRows) -> None:
    two = {"prompt": "Q", "answer_a": "x", "answer_b": "y"}
    report = inspect_file(
        write_rows({"prompt": "P"}, two, {**two, "prompt": "R", "winner": "tie"}, "oops")
    )
    assert report.summary == (
        "prompts, two answers · 4 rows · 1 prompt · 1 pair with verdict (1 tie) · "
        "1 pair to label · 1 dropped (1 that are not JSON)"
    )


def test_inspecting_stores_nothing_and_agrees_with_importing(
    database: Database, write_rows: WriteRows
) -> None:
    path = write_rows(_judged(1), {"prompt": "P"}, "oops")
    inspected = inspect_file(path)
    assert sum(_table_sizes(database).values()) == 0
    assert _import(database, path) == inspected


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((), r"rows\.jsonl is empty, so there is nothing to import"),
        (("", "  "), "is empty"),
        (("hello", "world"), "no row that can be used: 2 rows seen, 2 that are not JSON"),
        (({"chosen": "x", "rejected": "x"},), "1 row seen, 1 equal"),
        (({"text": "x"},), "1 of an unknown format"),
    ],
)
def test_file_without_a_usable_row_is_refused_with_what_was_seen(
    database: Database, write_rows: WriteRows, rows: tuple[Any, ...], message: str
) -> None:
    path = write_rows(*rows)
    with pytest.raises(InputError, match=message):
        inspect_file(path)
    with pytest.raises(InputError, match=message):
        _import(database, path)
    assert sum(_table_sizes(database).values()) == 0


def test_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe" * 100)
    with pytest.raises(InputError, match="not UTF-8"):
        inspect_file(path)


def test_failed_import_leaves_nothing(database: Database, write_rows: WriteRows) -> None:
    path = write_rows(*[_judged(number) for number in range(50)])

    def import_and_fail() -> None:
        with database.session_scope() as session:
            import_file(session, path, source="file")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        import_and_fail()
    assert sum(_table_sizes(database).values()) == 0


def test_more_rows_than_one_statement_takes(database: Database, write_rows: WriteRows) -> None:
    path = write_rows(*[_judged(number) for number in range(1300)])
    assert _import(database, path).num_pairs == 1300
    assert _import(database, path).num_existing == 1300
    with database.read_scope() as session:
        assert counts(session).num_prompts == 1300
        assert counts(session).num_labelled == 1300


def test_lines_of_a_text_become_prompts(database: Database) -> None:
    with database.session_scope() as session:
        report = import_text(session, "One?\r\n\n  Two?\nOne?\n", source="pasted")
        assert (report.num_prompts, report.dropped) == (2, {"repeated": [4]})
        texts = select(Prompt.text).where(Prompt.source == "pasted")
        assert set(session.scalars(texts)) == {"  Two?", "One?"}
        with pytest.raises(InputError, match="one prompt a line"):
            import_text(session, " \n", source="pasted")


TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
).filter(lambda text: bool(text.strip()))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    turns=st.lists(TEXT, min_size=1, max_size=5).filter(lambda turns: len(turns) % 2 == 1),
    sides=st.tuples(TEXT, TEXT).filter(lambda sides: sides[0] != sides[1]),
)
def test_any_unicode_comes_back_exactly(
    database: Database, tmp_path: Path, turns: list[str], sides: tuple[str, str]
) -> None:
    messages = [
        {"role": "assistant" if index % 2 else "user", "content": turn}
        for index, turn in enumerate(turns)
    ]
    chosen, rejected = ([{"role": "assistant", "content": side}] for side in sides)
    path = tmp_path / "rows.jsonl"
    row = {"prompt": messages, "chosen": chosen, "rejected": rejected}
    path.write_text(json.dumps(row, ensure_ascii=len(turns) > 1), "utf-8", newline="\n")
    _import(database, path)
    with database.read_scope() as session:
        snapshot = freeze(session)
    found = [
        (row["prompt"], row["chosen"], row["rejected"]) for row in snapshot.train + snapshot.heldout
    ]
    assert (messages, chosen, rejected) in found


def test_ids_of_an_import_that_is_rolled_back_never_come_again(
    database: Database, write_rows: WriteRows
) -> None:
    kinds = (Prompt, Completion, Pair, Preference)
    given: list[set[tuple[type, int]]] = []
    for import_id in (1, 2):
        path = write_rows(*[_judged(number) for number in range(300)])
        for step in file_reading(path, ImportOptions("file")).steps():
            with database.session_scope() as session:
                store(session, step.prepared, Marks("file", "file", import_id))
        with database.session_scope() as session:
            given.append(
                {(kind, row_id) for kind in kinds for row_id in session.scalars(select(kind.id))}
            )
            while roll_back_some(session, import_id):
                pass
            assert [session.scalar(select(func.count(kind.id))) for kind in kinds] == [0] * 4
    assert not given[0] & given[1]
    with database.session_scope() as session:
        prompt, _ = add_prompt(session, [{"role": "user", "content": "Q"}], source="test")
        answers = (NewCompletion(text, CompletionOrigin.GENERATED) for text in "ab")
        pair = add_pair(session, prompt.id, *answers, origin=PairOrigin.GENERATED)
        assert (prompt.id, pair.id, pair.completion_a, pair.completion_b) == (601, 601, 1201, 1202)
