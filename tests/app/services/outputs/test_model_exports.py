"""Exports are runs of an adapter: queued once, listed with it, and fetched when they are done."""

import zipfile
from pathlib import Path

import pytest

from app.services.context import Context, User
from app.services.outputs import model_exports
from app.services.tuning import models
from storage.enums import Holds, RunKind, RunStatus
from storage.errors import InputError
from storage.training import adapters, runs as run_rows
from storage.training.adapters import NewAdapter
from storage.training.runs import NewRun
from trainer.errors import TrainerError
from trainer.runs import run_folder


@pytest.fixture
def adapter_id(context: Context) -> int:
    """An adapter that a run has saved."""
    with context.database.session_scope() as session:
        run = run_rows.create_run(session, NewRun(RunKind.DPO, "dpo", "starter"))
        new = NewAdapter(run.id, f"runs/{run.folder}/adapter", Holds.ADAPTER, "starter", "00")
        return adapters.add_adapter(session, new).id


def test_export_is_queued_with_its_options(context: Context, user: User, adapter_id: int) -> None:
    options = {"target": "gguf", "weights": "q8_0"}
    run_id = model_exports.start_export(context, user, adapter_id, options)
    spec = run_folder.read_spec(context.runs_folder / f"{run_id:04d}-export")
    assert spec.options == options
    assert spec.adapter == "runs/0001-dpo/adapter"
    (row,) = model_exports.list_exports(context, adapter_id)
    assert (row.run_id, row.target, row.status, row.num_bytes) == (run_id, "gguf", "queued", None)


def test_bad_options_queue_nothing(context: Context, user: User, adapter_id: int) -> None:
    with pytest.raises(TrainerError, match="cannot be 'q4_0'"):
        model_exports.start_export(context, user, adapter_id, {"target": "gguf", "weights": "q4_0"})
    assert model_exports.list_exports(context, adapter_id) == []


def test_adapter_that_scores_is_refused(context: Context, user: User) -> None:
    with context.database.session_scope() as session:
        run = run_rows.create_run(session, NewRun(RunKind.REWARD, "reward", "starter"))
        folder = f"runs/{run.folder}/adapter"
        new = NewAdapter(run.id, folder, Holds.REWARD_MODEL, "starter", "00")
        scorer = adapters.add_adapter(session, new).id
    with pytest.raises(InputError, match="scores answers and writes none"):
        model_exports.start_export(context, user, scorer, {"target": "merged"})


def test_sending_needs_a_token(
    context: Context, user: User, adapter_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    options = {"target": "adapter", "repository": "me/model"}
    with pytest.raises(TrainerError, match="No token for the hub is set"):
        model_exports.start_export(context, user, adapter_id, options)


def test_model_is_fetched_whole_once_the_run_is_done(
    context: Context, user: User, adapter_id: int
) -> None:
    run_id = model_exports.start_export(context, user, adapter_id, {"target": "merged"})
    with pytest.raises(InputError, match="has written no model"):
        model_exports.exported_file(context, run_id)
    folder = context.runs_folder / f"{run_id:04d}-export" / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    with context.database.session_scope() as session:
        run_rows.set_status(session, run_id, RunStatus.RUNNING)
        run_rows.set_status(session, run_id, RunStatus.FINISHED)
        run_rows.get_run(session, run_id).summary = {"output": "model", "num_bytes": 2}
    _is_a_base_model(context, run_id, folder)
    packed = model_exports.exported_file(context, run_id)
    assert zipfile.ZipFile(packed).namelist() == ["config.json"]
    assert not packed.is_relative_to(Path(context.settings.data_folder))


def _is_a_base_model(context: Context, run_id: int, folder: Path) -> None:
    model = models.model_of_run(context, run_id)
    assert Path(model) == folder
    models.check_allowed(context, model)
    assert models.model_choices(context)[-1] == (f"merged-in-run-{run_id}", model)
    with pytest.raises(InputError, match="Run 1 has made no full model"):
        models.model_of_run(context, 1)


def test_run_is_exported_by_its_number(context: Context, user: User, adapter_id: int) -> None:
    options = {"target": "gguf", "weights": None}
    run_id = model_exports.start_export_of_run(context, user, 1, options)
    (row,) = model_exports.list_exports(context, adapter_id)
    assert row.run_id == run_id
    with pytest.raises(InputError, match=f"Run {run_id} has saved no adapter"):
        model_exports.start_export_of_run(context, user, run_id, options)
