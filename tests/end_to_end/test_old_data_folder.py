"""A data folder of the version before schema 0007 opens, goes on, resumes and exports unchanged."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from app.services.context import Context, User
from app.services.data import browsing, prompts
from app.services.imports import importing
from app.services.labels import comparing, labelling, statistics
from app.services.labels.labelling import Submission
from app.services.outputs import model_exports, transfer
from app.services.running import runs
from app.services.running.follower import RunFollower
from app.services.tuning import options, training
from app.services.tuning.training import TrainingRequest
from storage.enums import ImportStatus
from storage.schema.database import open_database
from storage.schema.tables import Import
from storage.settings import Settings
from storage.users import local_user
from tests.old_data_folder import (
    CANCELLED,
    CHECKPOINT_STEP,
    FINISHED,
    FULL,
    REWARD,
    exported,
    make_old_data_folder,
)
from tests.trainer.tiny_model import save_tiny_model
from tests.waiting import wait_until
from trainer.chat.client import ChatClient
from trainer.models import model_source
from trainer.runs.event_log import read_events
from trainer.runs.manifest import check_manifest

HELD = [13, 14]  # pairs that its one person held when it was last open


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    settings = Settings(data_folder=make_old_data_folder(tmp_path / "data"), device="cpu")
    context = Context(settings, open_database(settings), ChatClient(settings.data_folder, "cpu"))
    yield context
    context.chat.close()
    context.database.close()


@pytest.fixture
def user(context: Context) -> User:
    with context.database.session_scope() as session:
        row = local_user(session)
        return User(id=row.id, name=row.name, role=row.role)


def test_counts_are_those_of_then(context: Context) -> None:
    counts = prompts.header_counts(context)
    assert (counts.num_prompts, counts.num_pairs, counts.num_adapters) == (17, 20, 4)
    assert (counts.num_labelled, counts.num_open) == (14, 6)
    found = statistics.overview(context).counts
    assert found.verdicts == {"a": 9, "b": 2, "tie": 2, "both_bad": 1, "skip": 1}
    assert [(row.name, row.num_verdicts) for row in found.labellers] == [
        ("local", 8),
        ("judged.jsonl", 7),
    ]


@pytest.mark.parametrize(
    ("rows", "format", "filter"),
    [("trl_conversational", "trl_conversational", {}), ("verdicts", "hub", {"rows": "verdicts"})],
    ids=["pairs", "verdicts"],
)
def test_exports_give_the_rows_of_then(
    context: Context, rows: str, format: str, filter: dict[str, str]
) -> None:
    now = transfer.preference_rows(context, format, filter)
    assert json.loads(json.dumps(now, default=str)) == exported()[rows]


def test_labelling_goes_on_with_the_pairs_that_were_held(context: Context, user: User) -> None:
    screen = labelling.fetch(context, user)
    assert screen.current is not None
    assert screen.upcoming is not None
    assert [screen.current.pair_id, screen.upcoming.pair_id] == HELD
    assert screen.current.left == "Good day. (quiet)"
    assert (screen.progress.by_me, screen.progress.num_skipped) == (4, 1)
    after = labelling.submit(context, user, Submission("new", screen.current.pair_id, "right"))
    assert after.progress.by_me == 5
    undone = labelling.undo(context, user).current
    assert undone is not None
    assert (undone.pair_id, undone.previous_choice) == (HELD[0], "right")


def test_a_pair_keeps_its_history(context: Context) -> None:
    history = browsing.history(context, 10)
    assert [(row.verdict, row.superseded_by) for row in history.verdicts] == [
        ("b", 11),
        ("tie", None),
    ]
    assert history.verdicts[0].withdrawn_at is not None


def test_an_import_that_was_cut_off_is_rolled_back(context: Context) -> None:
    importing.clean_up(context)

    def statuses() -> list[ImportStatus]:
        with context.database.read_scope() as session:
            return list(session.scalars(select(Import.status).order_by(Import.id)))

    wait_until(
        lambda: statuses()[-1] is ImportStatus.ROLLED_BACK, what="the import to be rolled back"
    )
    assert statuses()[:4] == ["finished", "finished", "rolled_back", "kept"]


def test_a_finished_run_shows_its_page_and_its_adapter_can_be_taken_home(context: Context) -> None:
    view = runs.run_view(context, FINISHED)
    assert (view.row.status, view.step, view.num_steps) == ("finished", 6, 6)
    assert (view.row.num_pairs, view.is_full_model) == (7, False)
    assert [step for step, _ in view.curves["loss"]] == [1, 2, 3, 4, 5, 6]
    assert "'train_runtime'" in view.log
    assert view.adapter_id == 1
    with zipfile.ZipFile(transfer.adapter_archive(context, 1)) as packed:
        assert {"manifest.json", "adapter_model.safetensors"} <= set(packed.namelist())
    assert "DPOTrainer" in model_exports.script_of_run(context, FINISHED)


def test_what_was_trained_is_offered_as_what_it_is(context: Context) -> None:
    assert [choice.label for choice in comparing.list_choices(context)] == [
        "run 4 · SFT · None pairs · full model",
        "run 3 · DPO · 7 pairs",
        "run 2 · DPO · 7 pairs",
    ]
    assert runs.run_view(context, FULL).is_full_model
    assert not runs.run_view(context, REWARD).is_full_model
    assert comparing.verdict(context, 1).num_tuned == 2
    assert training.preflight(context, TrainingRequest(adapter_id=1)).problems == []
    assert "mine" in options.preset_choices(context)


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_from_its_old_checkpoint(
    context: Context, user: User
) -> None:
    save_tiny_model(model_source.starter_folder(context.settings.data_folder))
    assert runs.run_view(context, CANCELLED).can_resume
    runs.resume_run(context, user, CANCELLED)
    follower = RunFollower(context)

    def has_ended() -> bool:
        follower.step()
        return runs.run_view(context, CANCELLED).row.status not in ("queued", "running")

    wait_until(has_ended, what="the end of the resumed run", timeout=300)
    view = runs.run_view(context, CANCELLED)
    assert (view.row.status, view.row.error, view.step) == ("finished", None, 60)
    [folder] = context.runs_folder.glob("0003-*")
    events, _ = read_events(folder, 0)
    resumed = [event for event in events if event["type"] == "started"][-1]
    assert resumed["resumed_from_step"] == CHECKPOINT_STEP
    # Steps that were done before are not done again, and each is there once.
    assert [step for step, _ in view.curves["loss"]] == list(range(1, 61))
    check_manifest(folder / "adapter")
    assert view.adapter_id == 2
