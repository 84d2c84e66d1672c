from pathlib import Path

import pytest

from app.services import prompts, runs, training
from app.services.context import Context, User
from app.services.training import TrainingRequest
from storage.errors import InputError
from tests.sample_files import labelled_pairs
from trainer import run_folder


@pytest.fixture
def labelled(context: Context, user: User, tmp_path: Path) -> None:
    """Thirty pairs with verdicts."""
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(labelled_pairs(30))
    prompts.import_file(context, user, path, name="test")


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
