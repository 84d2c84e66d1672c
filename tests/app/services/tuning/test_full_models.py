"""The preset full: runs of a full model are queued, gone on from, listed and packed."""

import zipfile
from pathlib import Path

import gradio as gr
import pytest

from app.components.runs.options_form import OptionsForm
from app.services.context import Context, User
from app.services.imports import importing
from app.services.labels import comparing
from app.services.outputs import model_exports
from app.services.outputs.backup import backup_archive
from app.services.running import runs
from app.services.tuning import models, options, training
from app.services.tuning.training import TrainingRequest
from storage.enums import Holds, RunKind
from storage.importers.importing import ImportOptions
from storage.training import adapters, runs as run_rows
from storage.training.adapters import NewAdapter
from storage.training.runs import NewRun
from tests.sample_files import labelled_pairs
from trainer.options.presets import PRESETS
from trainer.runs import run_folder
from trainer.runs.manifest import write_manifest

FULL = TrainingRequest(preset="full")


@pytest.fixture
def labelled(context: Context, user: User, tmp_path: Path) -> None:
    """Thirty pairs with verdicts."""
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(labelled_pairs(30))
    importing.import_source(context, user, importing.ImportSource(str(path)), ImportOptions("test"))


def _trained(context: Context, preset: str) -> int:
    """What a run with this preset has left, as a row and a folder; returns the row's id."""
    chosen = PRESETS[preset]
    new = NewRun(RunKind.DPO, "dpo", "starter", options=chosen.to_dict())
    with context.database.session_scope() as session:
        run = run_rows.create_run(session, new)
        place = f"runs/{run.folder}/{chosen.output}"
        folder = context.settings.data_folder / place
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        write_manifest(folder, {"holds": chosen.output})
        holds = Holds.FULL_MODEL if chosen.trains_full_model else Holds.ADAPTER
        return adapters.add_adapter(session, NewAdapter(run.id, place, holds, "starter", "00")).id


@pytest.mark.usefixtures("labelled")
def test_run_is_queued_without_an_adapter(context: Context, user: User) -> None:
    assert training.preflight(context, FULL).problems == []
    (run_id,) = training.start_training(context, user, FULL)
    spec = run_folder.read_spec(context.runs_folder / f"{run_id:04d}-dpo")
    assert spec.options["lora"] is None
    assert spec.options["training"]["learning_rate"] == 5e-6
    assert runs.run_view(context, run_id).is_full_model


@pytest.mark.usefixtures("labelled")
def test_dpo_half_starts_from_the_model_that_the_sft_half_will_leave(
    context: Context, user: User
) -> None:
    request = TrainingRequest(recipe="sft_dpo", preset="full")
    folders = [
        next(context.runs_folder.glob(f"{run_id:04d}-*"))
        for run_id in training.start_training(context, user, request)
    ]
    sft, dpo = (run_folder.read_spec(folder) for folder in folders)
    assert (sft.options["training"]["learning_rate"], sft.options["lora"]) == (2e-5, None)
    assert dpo.adapter == f"runs/{folders[0].name}/model"


@pytest.mark.usefixtures("labelled")
@pytest.mark.parametrize(
    ("trained", "wanted", "problem"),
    [
        ("full", "quick", "What run 1 has trained is a full model, and this trains an adapter"),
        ("quick", "full", "What run 1 has trained is an adapter, and this trains a full model"),
        ("full", "full", None),
        ("quick", "quick", None),
    ],
)
def test_round_goes_on_from_its_own_kind_only(
    context: Context, trained: str, wanted: str, problem: str | None
) -> None:
    start = _trained(context, trained)
    request = TrainingRequest(preset=wanted, adapter_id=start)
    problems = training.preflight(context, request).problems
    assert len(problems) == (0 if problem is None else 1)
    assert all(problem in found for found in problems if problem)


@pytest.mark.usefixtures("labelled")
def test_what_cannot_be_fully_fine_tuned_is_refused_with_a_way_out(context: Context) -> None:
    reward = TrainingRequest(recipe="reward", preset="full")
    four_bits = TrainingRequest(preset="qlora-7b", options={"lora": None})
    fast = TrainingRequest(preset="quick", options={"lora": None})
    assert "Choose another preset than full" in training.preflight(context, reward).problems[0]
    assert "leave quantization out" in training.preflight(context, four_bits).problems[0]
    found = training.preflight(context, fast)
    assert not found.problems
    assert any(warning.startswith("A learning rate of 0.0003") for warning in found.warnings)
    assert not any(
        "learning rate" in warning for warning in training.preflight(context, FULL).warnings
    )


def test_trained_model_is_a_base_model_and_compared_under_its_name(context: Context) -> None:
    _trained(context, "quick")
    _trained(context, "full")
    model = models.model_of_run(context, 2)
    assert Path(model) == (context.runs_folder / "0002-dpo" / "model").resolve()
    models.check_allowed(context, model)
    assert models.model_choices(context)[-1] == ("tuned-in-run-2", model)
    labels = [choice.label for choice in comparing.list_choices(context)]
    assert [label.endswith("full model") for label in labels] == [True, False]


def test_trained_model_is_exported_from_its_folder(context: Context, user: User) -> None:
    adapter = _trained(context, "full")
    run_id = model_exports.start_export(context, user, adapter, {"target": "gguf"})
    spec = run_folder.read_spec(context.runs_folder / f"{run_id:04d}-export")
    assert (spec.base, spec.adapter) == ("starter", "runs/0001-dpo/model")


def test_backup_with_adapters_holds_trained_models_but_no_merged_ones(context: Context) -> None:
    _trained(context, "full")
    merged = context.runs_folder / "0002-export" / "model"
    merged.mkdir(parents=True)
    (merged / "config.json").write_text("{}")
    names = zipfile.ZipFile(backup_archive(context, with_adapters=True)).namelist()
    assert "runs/0001-dpo/model/config.json" in names
    assert not any("0002-export" in name for name in names)


def test_own_preset_made_of_full_comes_back_as_full(context: Context, user: User) -> None:
    form = OptionsForm(context, "full")
    with gr.Blocks():
        form.build()
    values = [widget.value for widget in form.inputs()]
    changes = form.changes("full", values)
    assert changes == {}
    options.save_preset(context, user, "mine", "full", {"training": {"seed": 7}})
    found = options.preset_options(context, "mine")
    assert (found.lora, found.training.seed, found.training.learning_rate) == (None, 7, 5e-6)
    assert form.changes("mine", values) == {"training": {"seed": 42}}
    filled = form.filled("mine")
    assert filled[form.adapter_switch] is False
    (fields,) = form.adapter_outputs()
    assert filled[fields].visible is False
    assert form.filled("quick")[fields].visible is True
    assert form.changes("quick", values)["lora"] is None
