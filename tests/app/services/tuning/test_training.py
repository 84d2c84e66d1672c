import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from app.services.context import Context, User
from app.services.data import browsing
from app.services.imports import importing
from app.services.labels import comparing, withdrawing
from app.services.running import runs
from app.services.tuning import training
from app.services.tuning.training import Preflight, TrainingRequest
from storage.enums import Holds
from storage.errors import InputError
from storage.importers.importing import ImportOptions
from storage.training import adapters
from storage.training.adapters import NewAdapter
from tests.sample_files import jsonl, labelled_pairs
from tests.trainer.tiny_model import save_tiny_model
from trainer.models import model_source
from trainer.runs import run_folder


@pytest.fixture
def labelled(context: Context, user: User, tmp_path: Path) -> None:
    """Thirty pairs with verdicts."""
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(labelled_pairs(30))
    importing.import_source(context, user, importing.ImportSource(str(path)), ImportOptions("test"))


def test_without_labels_the_preflight_says_what_to_do(context: Context) -> None:
    found = training.preflight(context, TrainingRequest())
    assert found.problems == [
        "No pair is labelled yet, so there is nothing to train on. Label some pairs first."
    ]


@pytest.mark.usefixtures("labelled")
def test_preflight_counts_and_writes_nothing(context: Context) -> None:
    found = training.preflight(context, TrainingRequest())
    assert found.problems == []
    assert found.num_train + found.num_heldout == 30
    assert found.num_heldout > 0
    assert not context.runs_folder.exists()


@pytest.mark.usefixtures("labelled")
def test_the_preflight_tells_of_labels_that_contradict_each_other(
    context: Context, user: User, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in labelled_pairs(30).splitlines()]
    swapped = [{**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in rows]
    path = tmp_path / "swapped.jsonl"
    path.write_bytes(jsonl(swapped))
    before = training.preflight(context, TrainingRequest())
    importing.import_source(
        context, user, importing.ImportSource(str(path)), ImportOptions("other")
    )
    after = training.preflight(context, TrainingRequest())
    assert after.num_train == 2 * before.num_train
    assert any(
        warning.startswith(f"{after.num_train} of the training pairs are judged both ways")
        for warning in after.warnings
    )


@pytest.mark.usefixtures("labelled")
def test_nothing_is_counted_anew_until_a_verdict_changes(context: Context) -> None:
    with context.database.read_scope() as session:
        first = context.training_data.summary(session)
        assert context.training_data.summary(session) is first
    verdicts = browsing.page(context, "verdicts", browsing.read_filter("verdicts", "", {}))
    withdrawing.withdraw_verdict(context, browsing.to_json(verdicts)[0]["id"])
    with context.database.read_scope() as session:
        counts = context.training_data.summary(session).counts
    before = first.counts
    assert counts.train + counts.heldout == before.train + before.heldout - 1
    assert counts.unlabelled == before.unlabelled + 1


@pytest.fixture
def tiny_model(context: Context) -> Path:
    """The two-layer model in the place of the converted starter model."""
    return save_tiny_model(model_source.starter_folder(context.settings.data_folder))


def _preflight(context: Context, max_length: int) -> Preflight:
    options = {"training": {"max_length": max_length}}
    return training.preflight(context, TrainingRequest(options=options))


@pytest.mark.usefixtures("labelled", "tiny_model")
def test_the_preflight_counts_cut_pairs_by_the_models_own_tokens(context: Context) -> None:
    whole = _preflight(context, 1000)
    assert not any("max_length" in warning for warning in whole.warnings)
    (fact,) = [fact for fact in whole.facts if fact.startswith("Longest pair")]
    longest = int(fact.removeprefix("Longest pair ").removesuffix(" tokens."))
    # One byte is one token here: a prompt of 27 or 28, an answer of 51 or 54, and the template's.
    assert 78 < longest < 130
    cut = _preflight(context, longest - 10)
    assert any(f"{cut.num_train} are cut at their end" in warning for warning in cut.warnings)
    assert not cut.problems


@pytest.mark.usefixtures("labelled", "tiny_model")
def test_pairs_whose_prompts_fill_the_length_stop_the_start(context: Context) -> None:
    assert any(
        "nothing is left to train on" in problem for problem in _preflight(context, 16).problems
    )


@pytest.mark.usefixtures("labelled", "tiny_model")
def test_a_batch_beyond_the_free_memory_is_warned_of(context: Context) -> None:
    context = dataclasses.replace(
        context, settings=dataclasses.replace(context.settings, device="cpu")
    )

    def warnings(**options: Any) -> list[str]:
        found = training.preflight(context, TrainingRequest(options={"training": options}))
        return [warning for warning in found.warnings if "memory will probably" in warning]

    assert warnings(per_device_train_batch_size=1) == []
    assert len(warnings(per_device_train_batch_size=10**9)) == 1


@pytest.mark.usefixtures("labelled")
def test_without_the_models_files_the_length_is_an_estimate(context: Context) -> None:
    found = _preflight(context, 16)
    assert any(fact.startswith("Longest pair about") for fact in found.facts)
    assert any("will probably be cut" in warning for warning in found.warnings)


@pytest.mark.usefixtures("labelled")
def test_all_problems_are_told_at_once(context: Context, user: User) -> None:
    request = TrainingRequest(options={"training": {"beta": -1.0, "learning_rate": 0.0}})
    with pytest.raises(InputError, match=r"beta is -1\.0.*learning_rate is 0\.0"):
        training.start_training(context, user, request)
    assert runs.list_runs(context) == []


@pytest.mark.usefixtures("labelled")
def test_the_folder_holds_the_frozen_data_and_the_row_its_hash(
    context: Context, user: User
) -> None:
    (run_id,) = training.start_training(context, user, TrainingRequest())
    folder = context.runs_folder / f"{run_id:04d}-dpo"
    spec = run_folder.read_spec(folder)
    train = run_folder.read_rows(folder, "train.jsonl")
    heldout = run_folder.read_rows(folder, "heldout.jsonl")
    assert spec.snapshot is not None
    assert spec.snapshot.startswith("sha256:")
    assert len(train) + len(heldout) == 30
    trained_on = {row["prompt"][0]["content"] for row in train}
    assert not trained_on & {row["prompt"][0]["content"] for row in heldout}


@pytest.mark.usefixtures("labelled")
def test_sft_then_dpo_starts_the_second_half_from_the_first_ones_adapter(
    context: Context, user: User
) -> None:
    first, second = training.start_training(context, user, TrainingRequest(recipe="sft_dpo"))
    spec = run_folder.read_spec(context.runs_folder / f"{second:04d}-dpo")
    assert spec.adapter == f"runs/{first:04d}-sft/adapter"


@pytest.mark.usefixtures("labelled")
def test_a_folder_that_a_killed_server_left_is_no_hindrance(context: Context, user: User) -> None:
    left_over = context.runs_folder / "0001-dpo"
    left_over.mkdir(parents=True)
    (left_over / "run.json").write_text("{}")
    assert training.start_training(context, user, TrainingRequest()) == [1]
    assert run_folder.read_spec(left_over).id == 1


@pytest.mark.usefixtures("labelled")
def test_a_run_folder_that_cannot_be_written_starts_nothing(context: Context, user: User) -> None:
    context.runs_folder.write_text("a file where the folder should be")
    with pytest.raises(InputError, match="Nothing was started"):
        training.start_training(context, user, TrainingRequest())
    assert runs.list_runs(context) == []


@pytest.mark.usefixtures("labelled")
def test_a_reward_run_gets_the_frozen_data_and_no_early_stop(context: Context, user: User) -> None:
    (run_id,) = training.start_training(context, user, TrainingRequest(recipe="reward"))
    folder = context.runs_folder / f"{run_id:04d}-reward"
    assert run_folder.read_spec(folder).options["stopping"] is None
    assert len(run_folder.read_rows(folder, "train.jsonl")) > 0


@pytest.mark.usefixtures("labelled")
def test_a_reward_model_is_neither_compared_nor_trained_on(context: Context, user: User) -> None:
    (run_id,) = training.start_training(context, user, TrainingRequest(recipe="reward"))
    with context.database.session_scope() as session:
        folder = f"runs/{run_id:04d}-reward/adapter"
        new = NewAdapter(run_id, folder, Holds.REWARD_MODEL, "starter", "sha256:1")
        adapter_id = adapters.add_adapter(session, new).id
    assert comparing.list_choices(context) == []
    with pytest.raises(InputError, match="is a reward model"):
        training.start_training(context, user, TrainingRequest(adapter_id=adapter_id))
