"""The files as other tools read them, and that none is ever left half-written."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.enums import Verdict
from storage.errors import InputError
from storage.exporters.catalogue import FORMATS, Format, format_named
from storage.exporters.exporting import export_files, export_rows
from storage.exporters.filters import ExportFilter
from storage.exporters.writing import Row
from storage.schema.database import Database
from tests.storage.conftest import Judge, MakeLabeller, MakePairs

READ_BY_DATASETS = """
import json, sys
from datasets import load_dataset, load_from_disk

[hub, disk] = sys.argv[1:]
published = load_dataset(hub, cache_dir=hub + "-cache")
kept = load_from_disk(disk)
print(json.dumps({
    "published": {name: list(split) for name, split in published.items()},
    "kept": list(kept),
}))
"""


@pytest.fixture
def judged(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller, judge: Judge
) -> Database:
    """Thirty pairs: each third is a, b and a tie."""
    me = make_labeller("me")
    verdicts = [Verdict.A, Verdict.B, Verdict.TIE] * 10
    for pair_id, verdict in zip(make_pairs(30), verdicts, strict=True):
        judge(pair_id, verdict, labeller_id=me)
    return database


def _write(database: Database, folder: Path, name: str, **wanted: str) -> Path:
    to = folder / name
    to.mkdir(exist_ok=True)
    with database.read_scope() as session:
        export_files(session, to, format_named(name), ExportFilter(**wanted))
    return to


def test_datasets_reads_the_published_folder_and_the_one_on_disk(
    judged: Database, tmp_path: Path
) -> None:
    hub = _write(judged, tmp_path, "hub")
    disk = _write(judged, tmp_path, "datasets", rows="verdicts") / "preferences"
    ended = subprocess.run(
        [sys.executable, "-c", READ_BY_DATASETS, str(hub), str(disk)],
        capture_output=True,
        text=True,
        timeout=120,
        env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")},
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    assert set(found["published"]) <= {"train", "test"}
    published = [row for rows in found["published"].values() for row in rows]
    assert len(published) == len(found["kept"]) == 20
    assert {row["labeller"] for row in found["kept"]} == {"me"}
    by_pair = {row["pair_id"]: row for row in published}
    assert by_pair[1]["prompt"] == [{"role": "user", "content": "prompt 1"}]
    assert by_pair[1]["chosen"] == [{"role": "assistant", "content": "answer 1 a"}]
    assert by_pair[2]["chosen"] == [{"role": "assistant", "content": "answer 2 b"}]


def test_llama_factory_finds_the_rows_through_their_entry(judged: Database, tmp_path: Path) -> None:
    folder = _write(judged, tmp_path, "llama_factory")
    [entry] = json.loads((folder / "dataset_info.json").read_text("utf-8")).values()
    rows = [json.loads(line) for line in (folder / entry["file_name"]).open(encoding="utf-8")]
    assert entry["ranking"] is True
    assert set(entry["columns"].values()) <= set(rows[0])
    assert len(rows) == 20


def test_table_for_people_has_no_formula_in_it(judged: Database, tmp_path: Path) -> None:
    with judged.session_scope() as session:
        session.connection().exec_driver_sql(
            "UPDATE completions SET text = '=HYPERLINK(\"http://evil.example\")' WHERE id = 1"
        )
    path = _write(judged, tmp_path, "csv") / "preferences.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    assert rows[0]["answer_a"] == '\'=HYPERLINK("http://evil.example")'
    assert not any(cell[:1] in "=+-@\t\r" for row in rows for cell in row.values() if cell)


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.NAME)
def test_export_that_fails_leaves_no_file_under_its_name(
    kind: Format, judged: Database, tmp_path: Path
) -> None:
    with judged.read_scope() as session:
        complete = tmp_path / "complete"
        complete.mkdir()
        export_files(session, complete, kind, ExportFilter())
        rows = _breaking(judged, kind)
        broken = tmp_path / "broken"
        broken.mkdir()
        with pytest.raises(ZeroDivisionError):
            kind.write(rows, broken)
    assert any(path.is_file() for path in complete.rglob("*"))
    assert not any(path.is_file() for path in broken.rglob("*"))


def _breaking(database: Database, kind: Format) -> Iterator[Row]:
    with database.read_scope() as session:
        yield from list(export_rows(session, kind, ExportFilter()))
    raise ZeroDivisionError


def test_nothing_to_export_is_told_and_nothing_is_written(
    database: Database, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="nothing to export"):
        _write(database, tmp_path, "parquet")
    assert list((tmp_path / "parquet").iterdir()) == []


def test_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="'excel'.*trl_conversational.*parquet"):
        format_named("excel")
