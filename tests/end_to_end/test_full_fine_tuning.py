"""The preset full through a real worker: queued, trained, taken in, compared and gone on from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.services.context import Context, User
from app.services.imports import importing
from app.services.labels import comparing
from app.services.labels.comparing import Turn
from app.services.running import runs
from app.services.running.follower import RunFollower
from app.services.tuning import training
from app.services.tuning.training import TrainingRequest
from storage.importers.importing import ImportOptions
from storage.schema.database import open_database
from storage.settings import Settings
from storage.training import adapters
from storage.users import local_user
from tests.sample_files import labelled_pairs
from tests.trainer.tiny_model import save_tiny_model
from tests.waiting import wait_until
from trainer.chat.client import ChatClient
from trainer.options.generation import SamplingOptions
from trainer.runs.manifest import check_manifest, manifest_hash

pytestmark = pytest.mark.slow

OPTIONS = {"training": {"learning_rate": 1e-3, "max_steps": 4, "warmup_steps": 0}}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Context]:
    """Labelled pairs, and a two-layer model that may be used."""
    base = save_tiny_model(tmp_path / "base")
    settings = Settings(data_folder=tmp_path / "data", models=(str(base),), device="cpu")
    context = Context(settings, open_database(settings), ChatClient(settings.data_folder, "cpu"))
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(labelled_pairs(24))
    importing.import_source(
        context, _user(context), importing.ImportSource(str(path)), ImportOptions("test")
    )
    yield context
    context.chat.close()
    context.database.close()


def _user(context: Context) -> User:
    with context.database.session_scope() as session:
        row = local_user(session)
        return User(id=row.id, name=row.name, role=row.role)


def _train(context: Context, recipe: str, adapter_id: int | None = None) -> list[runs.RunView]:
    (base,) = context.settings.models
    request = TrainingRequest(recipe, base, "full", OPTIONS, adapter_id)
    ids = training.start_training(context, _user(context), request)
    follower = RunFollower(context)

    def has_ended() -> bool:
        follower.step()
        last = runs.run_view(context, ids[-1]).row
        return last.status in ("finished", "failed", "cancelled")

    wait_until(has_ended, what="the end of the run", timeout=180, pause=0.1)
    views = [runs.run_view(context, run_id) for run_id in ids]
    assert [view.row.status for view in views] == ["finished"] * len(ids), views
    return views


def test_sft_then_dpo_answers_beside_its_base_and_trains_on(project: Context) -> None:
    sft, dpo = _train(project, "sft_dpo")
    assert dpo.curves["loss"][0][1] == pytest.approx(0.6931, abs=1e-3)
    assert dpo.curves["loss"][-1][1] < dpo.curves["loss"][0][1]

    message = [{"role": "user", "content": "Name a number."}]
    turn = Turn(dpo.adapter_id or 0, message, message, SamplingOptions(max_new_tokens=16))
    answers = list(comparing.stream(project, _user(project), turn))
    assert answers[-1].finished
    assert answers[-1].left_text != answers[-1].right_text
    assert answers[-1].pair_id is not None

    (third,) = _train(project, "dpo", dpo.adapter_id)
    with project.database.read_scope() as session:
        found = adapters.get_adapter(session, third.adapter_id or 0)
        assert found.parent_id == dpo.adapter_id
        assert adapters.get_adapter(session, dpo.adapter_id or 0).parent_id == sft.adapter_id
    folder = project.settings.data_folder / found.folder
    manifest = check_manifest(folder)
    assert manifest["parent_adapter"].endswith("-dpo/model")
    assert manifest_hash(folder) == found.manifest_hash
