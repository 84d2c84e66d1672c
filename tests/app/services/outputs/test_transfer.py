"""Exports for download and for scripts: one file or a zip, and the same rows either way."""

import json
import zipfile
from pathlib import Path

import pytest

from app.services.context import Context, User
from app.services.imports import importing
from app.services.outputs import transfer
from storage.clock import utc_now
from storage.errors import InputError
from storage.importers.importing import ImportOptions
from storage.labelling.history import count_again, withdraw_verdict
from storage.schema.tables import Prompt
from trainer.errors import TrainerError

ROWS = [
    {"prompt": f"Question {number}?", "answer_a": "yes", "answer_b": f"no {number}", "winner": won}
    for number, won in enumerate(["a", "b", "tie", "both_bad"] * 3)
]


@pytest.fixture
def imported(context: Context, user: User, tmp_path: Path) -> Context:
    path = tmp_path / "judged.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    importing.import_source(
        context, user, importing.ImportSource(str(path)), ImportOptions(path.name)
    )
    return context


def test_default_export_is_what_it_always_was(imported: Context) -> None:
    path = transfer.export_preferences(imported)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert path.name == "preferences.jsonl"
    assert set(rows[0]) == {"prompt", "chosen", "rejected", "pair_id", "split"}
    assert rows == transfer.preference_rows(imported)
    assert len(rows) == 6


@pytest.mark.parametrize("choice", transfer.format_choices(), ids=lambda choice: choice.name)
def test_every_format_is_one_file_to_download(
    imported: Context, choice: transfer.FormatChoice
) -> None:
    path = transfer.export_preferences(imported, choice.name)
    assert choice.title.endswith(f"({path.suffix})")
    if path.suffix == ".zip":
        assert zipfile.ZipFile(path).testzip() is None
    assert list(path.parent.iterdir()) == [path]
    rows = transfer.preference_rows(imported, choice.name)
    assert transfer.num_rows(imported, choice.name) == len(rows) > 0
    json.dumps(rows, allow_nan=False)


def test_filter_reaches_the_rows(imported: Context) -> None:
    wanted = {"sources": ["judged.jsonl"], "labeller_kinds": ["imported"], "rows": "verdicts"}
    rows = transfer.preference_rows(imported, "two_answers", wanted)
    assert [row["winner"] for row in rows] == [row["winner"] for row in ROWS]
    assert {row["annotator"] for row in rows} == {"judged.jsonl"}
    assert transfer.num_rows(imported, "two_answers", {"sources": ["other"]}) == 0


def test_choices_of_filters_are_what_is_stored(imported: Context) -> None:
    with imported.database.session_scope() as session:
        session.get_one(Prompt, 1).tags = ["long", "de"]
        session.get_one(Prompt, 2).tags = ["long"]
    found = transfer.filter_choices(imported)
    assert (found.labellers, found.sources) == (["judged.jsonl"], ["judged.jsonl"])
    assert (found.tags, found.rounds) == (["de", "long"], [0])


def test_wrong_format_and_filter_are_refused_in_words(imported: Context) -> None:
    with pytest.raises(InputError, match="no export format 'excel'"):
        transfer.preference_rows(imported, "excel")
    with pytest.raises(InputError, match="no filter colour"):
        transfer.export_preferences(imported, "csv", {"colour": "red"})
    with pytest.raises(InputError, match="nothing to export"):
        transfer.export_preferences(imported, "csv", {"rounds": [7]})
    with pytest.raises(TrainerError, match="is no name of a hub repository"):
        transfer.publish_preferences(imported, "pairs", private=True)


def test_too_many_rows_for_one_answer_are_refused_with_the_way_to_a_file(
    imported: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MAX_ROWS", 6)
    assert len(transfer.preference_rows(imported)) == 6
    monkeypatch.setattr(transfer, "MAX_ROWS", 5)
    with pytest.raises(InputError, match="More than 5 rows .* /export_file"):
        transfer.preference_rows(imported)


def test_number_of_rows_follows_every_change(imported: Context) -> None:
    assert transfer.num_rows(imported) == transfer.num_rows(imported) == 6
    with imported.database.session_scope() as session:
        withdraw_verdict(session, 1, now=utc_now())
    assert transfer.num_rows(imported) == 5
    with imported.database.session_scope() as session:
        count_again(session, 1)
    assert transfer.num_rows(imported) == 6
