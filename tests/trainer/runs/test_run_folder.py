"""The run folder: specification and inputs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trainer.runs.conftest import SPEC
from trainer.errors import RunFolderError, TrainerError
from trainer.runs import run_folder


def test_created_run_reads_back_as_it_was(folder: Path, tmp_path: Path) -> None:
    assert run_folder.read_spec(folder) == SPEC
    assert run_folder.read_rows(folder, "train.jsonl") == [{"pair_id": 1}, {"pair_id": 2, "t": "é"}]
    assert run_folder.data_folder_of(folder) == tmp_path
    assert json.loads((folder / "run.json").read_text())["model"]["base"] == "starter"


def test_failing_input_leaves_no_half_of_a_folder(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, int]]:
        yield {"pair_id": 1}
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        run_folder.create(tmp_path / "0001-dpo", SPEC, {"train.jsonl": rows()})
    assert list(tmp_path.iterdir()) == []


def test_existing_run_folder_is_not_overwritten(folder: Path) -> None:
    with pytest.raises(TrainerError, match="exists already"):
        run_folder.create(folder, SPEC, {})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "has no run.json"),
        ("{", "cannot be read"),
        ("[]", "one JSON object"),
        ('{"format": 9}', "format 9"),
        ('{"format": 1, "id": "x", "kind": "bake"}', '"kind" must be one of.*"model.base"'),
    ],
)
def test_bad_run_json_is_refused_with_its_reason(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunFolderError, match=reason):
        run_folder.read_spec(tmp_path)


def test_missing_options_are_valid(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(
        '{"format": 1, "id": 1, "kind": "dpo", "model": {"base": "starter"}}'
    )
    assert run_folder.read_spec(tmp_path).options == {}
