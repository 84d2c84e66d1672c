"""A tiny model, and run folders that train it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.tiny_model import save_tiny_model
from trainer.runs import run_folder
from trainer.runs.context import RunContext
from trainer.runs.event_log import EventWriter
from trainer.runs.run_folder import RunSpec

# A tiny model is computed faster by one thread than by two that wait for each other.
torch.set_num_threads(1)

MakeRun = Callable[..., RunContext]


def preference_rows(num_rows: int) -> list[dict[str, Any]]:
    """Preferences for short answers, different in every row."""
    return [
        {
            "prompt": [{"role": "user", "content": f"Say {number}."}],
            "chosen": [{"role": "assistant", "content": f"{number}"}],
            "rejected": [{"role": "assistant", "content": f"I would say it is {number}, sir."}],
            "pair_id": number,
        }
        for number in range(num_rows)
    ]


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a two-layer random Llama."""
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty data folder."""
    folder = tmp_path / "home"
    (folder / "runs").mkdir(parents=True)
    return folder


@pytest.fixture
def make_run(home: Path, tiny_base: Path) -> MakeRun:
    """`make_run(1, "dpo", training={...})` creates a run folder that trains the tiny model."""

    def make(
        run_id: int,
        kind: str,
        *,
        base: Path = tiny_base,
        adapter: str | None = None,
        num_train: int = 8,
        **options: Any,
    ) -> RunContext:
        folder = home / "runs" / run_folder.folder_name(run_id, kind)
        spec = RunSpec(run_id, kind, str(base), adapter, options, "sha256:00")
        rows = preference_rows(num_train + 2)
        inputs = {"train.jsonl": rows[:num_train], "heldout.jsonl": rows[num_train:]}
        run_folder.create(folder, spec, inputs)
        return RunContext(folder, spec, home, "cpu", EventWriter(folder))

    return make
