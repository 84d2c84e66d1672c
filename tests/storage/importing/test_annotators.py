"""What is stored of annotators, strengths, models and other columns; renamed columns."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from storage.clock import utc_now
from storage.data.prompts import prompt_detail
from storage.errors import InputError
from storage.importers.report import ImportReport
from storage.labelling.preferences import counts
from storage.labelling.queue import hold
from storage.schema.database import Database
from storage.schema.tables import Labeller, Pair, Preference, Prompt
from tests.storage.importing_files import import_file, inspect_file

STEER = {
    "context": [{"role": "user", "content": "Q"}],
    "response1": "good",
    "response2": "bad",
    "overall_preference": -1,
    "domain": "code",
    "individual_preference": [
        {"score": -2, "reasoning": "clear"},
        {"score": 1, "reasoning": ""},
    ],
}


def _write(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return path


def _import(database: Database, path: Path, **options: Any) -> ImportReport:
    with database.session_scope() as session:
        return import_file(session, path, source="steer", **options)


def _verdicts(database: Database) -> list[tuple[str, str, float | None, str | None]]:
    query = select(
        Labeller.name, Preference.verdict, Preference.strength, Preference.rationale
    ).join(Labeller, Labeller.id == Preference.labeller_id)
    with database.read_scope() as session:
        return [tuple(row) for row in session.execute(query.order_by(Labeller.name))]


def test_annotators_become_labellers_with_their_own_verdicts(
    database: Database, tmp_path: Path
) -> None:
    path = _write(tmp_path, STEER)
    report = _import(database, path)
    assert (report.num_pairs, report.num_verdicts) == (1, 2)
    assert _verdicts(database) == [
        ("steer: annotator 1", "a", 2, "clear"),
        ("steer: annotator 2", "b", 1, None),
    ]
    with database.session_scope() as session:
        assert counts(session).num_open == 0
        assert hold(session, 1, count=5, now=utc_now()) == []
    assert _import(database, path).num_existing == 1
    assert len(_verdicts(database)) == 2


def test_annotators_who_come_later_add_their_verdicts(database: Database, tmp_path: Path) -> None:
    _import(database, _write(tmp_path, {**STEER, "individual_preference": []}))
    assert _verdicts(database) == [("steer", "a", 1, None)]
    assert _import(database, _write(tmp_path, STEER)).num_existing == 0
    assert [name for name, *_ in _verdicts(database)] == [
        "steer",
        "steer: annotator 1",
        "steer: annotator 2",
    ]


def test_models_and_other_columns_are_stored(database: Database, tmp_path: Path) -> None:
    row = {
        "instruction": "Q",
        "completions": [
            {"model": "m1", "response": "good", "overall_score": 5},
            {"model": "m2", "response": "bad", "overall_score": 1},
        ],
        "source": "evol",
    }
    _import(database, _write(tmp_path, row, {"prompt": "P", "topic": "sky"}, {"prompt": "R"}))
    with database.read_scope() as session:
        assert session.scalars(select(Pair.details)).all() == [{"source": "evol"}]
        details = session.execute(select(Prompt.text, Prompt.details).order_by(Prompt.text))
        assert [tuple(found) for found in details] == [
            ("P", {"topic": "sky"}),
            ("Q", None),
            ("R", None),
        ]
        prompt_id = session.scalars(select(Prompt.id).where(Prompt.text == "Q")).one()
        completions = prompt_detail(session, prompt_id).completions
        assert [(row.text, row.model) for row in completions] == [("good", "m1"), ("bad", "m2")]


def test_very_long_names_of_annotators_are_cut(database: Database, tmp_path: Path) -> None:
    row = {"prompt": "Q", "answer_a": "x", "answer_b": "y", "winner": "a", "annotator": "z" * 500}
    _import(database, _write(tmp_path, row))
    assert [len(name) for name, *_ in _verdicts(database)] == [200]


def test_many_annotators_are_stored_in_one_go(database: Database, tmp_path: Path) -> None:
    rows = [
        {"prompt": "Q", "answer_a": "x", "answer_b": f"y{index}", "winner": "b",
         "annotator": f"u{index}"}
        for index in range(1100)
    ]  # fmt: skip
    assert _import(database, _write(tmp_path, *rows)).num_verdicts == 1100
    assert len(_verdicts(database)) == 1100
    with database.read_scope() as session:
        assert counts(session).num_open == 0


def test_columns_can_be_read_under_other_names(database: Database, tmp_path: Path) -> None:
    path = _write(tmp_path, {"frage": "Q", "gut": "good", "schlecht": "bad", "prompt": "x"})
    assert inspect_file(path).format == "prompts"
    with pytest.raises(InputError, match="of an unknown format"):
        inspect_file(path, columns={"prompt": "other"})
    report = _import(
        database, path, columns={"frage": "prompt", "gut": "chosen", "schlecht": "rejected"}
    )
    assert (report.format, report.num_pairs, report.metadata_columns) == ("TRL standard", 1, [])


def test_safer_answer_is_taken_where_the_user_asks_for_it(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        {"prompt": "Q", "response_0": "x", "response_1": "y", "better_response_id": 0,
         "safer_response_id": 1},
    )  # fmt: skip
    columns = {"safer_response_id": "better_response_id"}
    pairs = [inspect_file(path), inspect_file(path, columns=columns)]
    assert [report.examples[0].verdict for report in pairs] == ["a", "b"]
    assert pairs[0].examples[0].metadata == {"safer_response_id": 1}
