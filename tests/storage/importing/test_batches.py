"""A file in many batches gives what one batch would give, and nothing twice."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from storage.importers import importing
from storage.importers.importing import ImportOptions, file_reading
from storage.importers.report import ImportReport
from storage.importers.understanding import MAX_ROW_NUMBERS
from storage.importing.verdict_writing import Marks
from storage.importing.writing import store
from storage.labelling.preferences import counts
from storage.schema.database import Database
from storage.schema.tables import Labeller, Pair, Preference, Prompt
from tests.storage.importing_files import inspect_file


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of three rows, so that a short file has several."""
    monkeypatch.setattr(importing, "BATCH_SIZE", 3)


def _write(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return path


def _judged(number: int, **more: Any) -> dict[str, Any]:
    pair = {"prompt": f"Q{number}", "answer_a": f"a {number}", "answer_b": f"b {number}"}
    return {**pair, "winner": "a", **more}


def _import(database: Database, path: Path) -> ImportReport:
    options = ImportOptions("file")
    reading, num_existing = file_reading(path, options), 0
    for step in reading.steps():
        with database.session_scope() as session:
            num_existing += store(session, step.prepared, Marks.of(options, import_id=1))
    return replace(reading.report(), num_existing=num_existing)


def test_repeats_are_found_across_batches(database: Database, tmp_path: Path) -> None:
    rows = [_judged(number) for number in range(7)]
    path = _write(tmp_path, *rows, rows[0], {**rows[1], "winner": "b"}, *rows[:3])
    report = _import(database, path)
    assert report.dropped == {
        "repeated": [8, 10, 11, 12],
        "repeated with another verdict": [9],
    }
    assert (report.num_pairs, report.num_verdicts, report.num_existing) == (7, 7, 0)
    with database.read_scope() as session:
        assert session.scalar(select(func.count(Pair.id))) == 7
        assert set(session.scalars(select(Pair.import_id))) == {1}
        assert (counts(session).num_open, counts(session).num_labelled) == (0, 7)


def test_annotators_of_a_later_batch_are_added_to_the_same_pair(
    database: Database, tmp_path: Path
) -> None:
    others = [_judged(number) for number in range(1, 7)]
    first, again = _judged(0, annotator="ann"), _judged(0, annotator="bob")
    report = _import(database, _write(tmp_path, first, *others, again, again, first))
    assert (report.num_pairs, report.num_verdicts) == (7, 8)
    assert report.dropped == {"repeated": [9, 10]}
    with database.read_scope() as session:
        names = select(Labeller.name).join(Preference).join(Pair).where(Pair.id == 1)
        assert sorted(session.scalars(names)) == ["file: ann", "file: bob"]


def test_pairs_of_one_prompt_in_several_batches_share_prompt_and_answers(
    database: Database, tmp_path: Path
) -> None:
    rows = [{"prompt": "Q", "chosen": "best", "rejected": f"worse {n}"} for n in range(8)]
    _import(database, _write(tmp_path, *rows))
    with database.read_scope() as session:
        assert session.scalar(select(func.count(Prompt.id))) == 1
        assert len(set(session.scalars(select(Pair.completion_a)))) == 1


def test_examples_are_the_first_rows_of_the_file(tmp_path: Path) -> None:
    report = inspect_file(_write(tmp_path, *[_judged(number) for number in range(9)]))
    assert [example.messages[0]["content"] for example in report.examples] == [
        f"Q{number}" for number in range(5)
    ]


def test_a_preview_reads_only_the_first_rows(tmp_path: Path) -> None:
    path = _write(tmp_path, *[_judged(number) for number in range(9)])
    assert inspect_file(path, max_rows=4).num_pairs == 4


def test_many_dropped_rows_are_counted_and_the_first_are_named(tmp_path: Path) -> None:
    path = _write(tmp_path, _judged(1), *[{"text": "?"}] * (MAX_ROW_NUMBERS + 7))
    report = inspect_file(path)
    assert report.num_dropped == MAX_ROW_NUMBERS + 7
    assert report.dropped == {"of an unknown format": list(range(2, MAX_ROW_NUMBERS + 2))}
