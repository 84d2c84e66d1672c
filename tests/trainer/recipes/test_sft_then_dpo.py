"""SFT then DPO from a Chinese preference file: taken in, queued by the service, carried out."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from app.services.context import Context, User
from app.services.imports import importing
from app.services.tuning import training
from app.services.tuning.training import TrainingRequest
from storage.importers.importing import ImportOptions
from storage.schema.database import open_database
from storage.settings import Settings
from storage.users import local_user
from trainer.__main__ import _ending_of
from trainer.chat.client import ChatClient
from trainer.models import loading
from trainer.runs import run_folder
from trainer.runs.context import RunContext
from trainer.runs.event_log import EventWriter, read_events
from trainer.runs.manifest import check_manifest

pytestmark = pytest.mark.slow

OPTIONS = {"learning_rate": 3e-3, "max_steps": 4, "warmup_steps": 0, "eval_steps": 0}


def _rows() -> list[dict[str, Any]]:
    """The shape in which hh-rlhf was put into Chinese: turns of human and assistant."""
    fruits = [
        "苹果",
        "梨",
        "桃子",
        "葡萄",
        "香蕉",
        "樱桃",
        "西瓜",
        "草莓",
        "橙子",
        "芒果",
        "柠檬",
        "李子",
    ]
    rows = []
    for number, fruit in enumerate(fruits):
        context = [{"role": "human", "text": f"{fruit}是什么颜色的?"}]
        if number % 3 == 0:
            context += [
                {"role": "assistant", "text": "你指哪一种?"},
                {"role": "human", "text": "常见的。"},
            ]
        rows.append(
            {
                "context": context,
                "chosen": {"role": "assistant", "text": f"{fruit}有好几种颜色。"},
                "rejected": {"role": "assistant", "text": "不知道, 请你自己去看。"},
            }
        )
    return rows


@pytest.fixture
def project(tmp_path: Path, tiny_base: Path) -> Iterator[Context]:
    """An empty project that may use the two-layer model."""
    settings = Settings(data_folder=tmp_path / "data", models=(str(tiny_base),))
    database = open_database(settings)
    chat = ChatClient(settings.data_folder, settings.device)
    yield Context(settings=settings, database=database, chat=chat)
    chat.close()
    database.close()


def test_the_sft_adapter_is_the_reference_of_the_dpo_half(
    project: Context, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "pick_dtype", lambda device: torch.float32)
    file = tmp_path / "hh_rlhf_cn.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _rows()))
    with project.database.session_scope() as session:
        row = local_user(session)
        user = User(id=row.id, name=row.name, role=row.role)
    assert (
        importing.import_source(
            project, user, importing.ImportSource(str(file)), ImportOptions("cn")
        ).num_pairs
        == 12
    )

    request = TrainingRequest("sft_dpo", model=str(tiny_base), options={"training": OPTIONS})
    folders = [next(project.runs_folder.glob(f"{run_id:04d}-*"))
               for run_id in training.start_training(project, user, request)]  # fmt: skip
    sft, dpo = (_carry_out(folder) for folder in folders)

    assert sft[-1]["summary"]["steps"] == 4
    first = next(event["values"] for event in dpo if event["type"] == "metrics")
    assert first["loss"] == pytest.approx(math.log(2), abs=1e-4)
    assert first["rewards/margins"] == pytest.approx(0, abs=1e-4)
    assert dpo[0]["reference"] == f"runs/{folders[0].name}/adapter"
    losses = [event["values"]["loss"] for event in dpo if "loss" in event.get("values", {})]
    assert losses[-1] < losses[0]
    manifest = check_manifest(folders[1] / "adapter")
    assert manifest["parent_adapter"] == f"runs/{folders[0].name}/adapter"


def _carry_out(folder: Path) -> list[dict[str, Any]]:
    """Events of the run, carried out as its worker does."""
    spec = run_folder.read_spec(folder)
    context = RunContext(folder, spec, folder.parents[1], "cpu", EventWriter(folder))
    ending = _ending_of(context)
    context.events.write(ending.event, **ending.fields)
    assert ending.event == "finished", ending.fields
    return read_events(folder, 0)[0]
