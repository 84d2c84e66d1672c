"""Rounds: pairs of round n + 1 ask about models of round n, whatever way a model goes."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.services.context import Context, User
from app.services.data import pairs
from app.services.data.pairs import GenerationRequest
from app.services.imports import importing
from app.services.labels import comparing
from app.services.labels.comparing import Turn
from app.services.labels.labelling import Submission
from app.services.outputs import model_exports, transfer
from app.services.running.follower import RunFollower
from app.services.tuning import models, training
from app.services.tuning.training import TrainingRequest
from storage.enums import PairOrigin
from storage.importers.importing import ImportOptions
from storage.schema.tables import Pair
from tests.app.services.running.conftest import Worker
from tests.sample_files import labelled_pairs
from tests.trainer.generation.tiny_adapter import save_tiny_adapter
from tests.trainer.tiny_model import save_tiny_model
from trainer.models import model_source
from trainer.options.generation import SamplingOptions
from trainer.runs.manifest import write_manifest


@pytest.fixture(autouse=True)
def imported(context: Context, user: User, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(labelled_pairs(30))
    importing.import_source(context, user, importing.ImportSource(str(path)), ImportOptions("test"))


def _train(context: Context, user: User, **request: Any) -> list[Worker]:
    run_ids = training.start_training(context, user, TrainingRequest(**request))
    return [Worker(context, run_id) for run_id in run_ids]


def _generate(context: Context, user: User, model: str = "starter") -> Worker:
    """Let a model make one pair, by hand."""
    request = GenerationRequest(num_pairs=1, model=model, only_without_pair=False)
    worker = Worker(context, pairs.start_generation(context, user, request))
    answers = {
        side: {"text": f"{side} of {worker.run_id}", "seed": 1, "num_tokens": 1}
        | {"finish_reason": "stop"}
        for side in "ab"
    }
    with worker.alive() as events:
        events.write("pair", prompt_id=1, **answers)
    worker.finish()
    return worker


def _rounds(context: Context, run_id: int | None, origin: PairOrigin) -> set[int]:
    with context.database.read_scope() as session:
        query = select(Pair.round).where(Pair.run_id.is_(run_id), Pair.origin == origin)
        return set(session.scalars(query))


def _adapter_id(context: Context) -> int:
    return comparing.list_choices(context)[0].id


def test_what_is_imported_and_what_base_models_make_is_of_round_0(
    context: Context, user: User
) -> None:
    assert _rounds(context, None, PairOrigin.IMPORTED) == {0}
    worker = _generate(context, user)
    assert worker.row().round == 0
    assert _rounds(context, worker.run_id, PairOrigin.GENERATED) == {0}
    assert [worker.row().round for worker in _train(context, user)] == [0]


@pytest.mark.slow
def test_a_comparison_with_an_adapter_of_round_0_is_a_pair_of_round_1_and_exported_as_such(
    context: Context, user: User
) -> None:
    base = save_tiny_model(model_source.starter_folder(context.settings.data_folder))
    [worker] = _train(context, user)
    adapter = save_tiny_adapter(worker.folder / "adapter", base)
    write_manifest(adapter, {"base_model": model_source.STARTER})
    assert worker.finish(adapter="adapter").round == 0
    question = [{"role": "user", "content": "Hi"}]
    sampling = SamplingOptions(max_new_tokens=8)
    turn = Turn(_adapter_id(context), question, question, sampling)
    *_, answered = comparing.stream(context, user, turn)
    assert answered.pair_id is not None
    assert _rounds(context, None, PairOrigin.COMPARISON) == {1}

    comparing.vote(context, user, Submission("vote", answered.pair_id, "left"))
    assert transfer.filter_choices(context).rounds == [0, 1]
    rows = transfer.preference_rows(context, filter={"rounds": [1]})
    assert [row["prompt"] for row in rows] == [question]
    assert transfer.num_rows(context, filter={"rounds": [0]}) == 30
    assert transfer.num_rows(context, filter={"rounds": [2]}) == 0


def test_each_training_from_a_trained_model_is_one_round_further(
    context: Context, user: User
) -> None:
    start = None
    for number in range(3):
        [worker] = _train(context, user, adapter_id=start)
        worker.save("adapter")
        assert worker.finish(adapter="adapter").round == number
        start = _adapter_id(context)


def test_both_halves_of_sft_then_dpo_are_one_turn_of_the_loop(context: Context, user: User) -> None:
    sft, dpo = _train(context, user, recipe="sft_dpo")
    with dpo.alive() as events:  # before the follower would start a worker on it
        sft.save("adapter")
        assert sft.finish(adapter="adapter").round == 0
        dpo.save("adapter")
        events.write("finished", summary={"adapter": "adapter"})
    RunFollower(context).step()
    assert dpo.row().round == 0
    assert [worker.row().round for worker in _train(context, user, adapter_id=2)] == [1]


def test_a_full_model_makes_pairs_of_the_round_after_its_own(context: Context, user: User) -> None:
    [worker] = _train(context, user, preset="full")
    worker.save("model")
    worker.finish(adapter="model")
    made = _generate(context, user, models.model_of_run(context, worker.run_id))
    assert made.row().round == 1
    assert _rounds(context, made.run_id, PairOrigin.GENERATED) == {1}


def test_a_merged_adapter_is_of_the_round_of_the_adapter(context: Context, user: User) -> None:
    [worker] = _train(context, user)
    worker.save("adapter")
    worker.finish(adapter="adapter")
    options = {"target": "merged"}
    export = Worker(
        context, model_exports.start_export(context, user, _adapter_id(context), options)
    )
    (export.folder / "model").mkdir()
    assert export.finish(output="model").round == 0
    merged = models.model_of_run(context, export.run_id)
    assert _generate(context, user, merged).row().round == 1
    assert [run.row().round for run in _train(context, user, model=merged)] == [1]
