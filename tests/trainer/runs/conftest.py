"""A run folder as the server makes it."""

from pathlib import Path

import pytest

from trainer.runs import run_folder
from trainer.runs.run_folder import RunSpec

SPEC = RunSpec(7, "dpo", "starter", None, {"training": {"beta": 0.2}}, "sha256:ab")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "runs" / "0007-dpo"
    run_folder.create(path, SPEC, {"train.jsonl": [{"pair_id": 1}, {"pair_id": 2, "t": "é"}]})
    return path
