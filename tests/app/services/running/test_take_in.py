"""Events become rows: progress, curves, pairs, warnings, endings and what was trained."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.services.context import Context
from app.services.running.take_in import take_in
from storage.data.prompts import add_prompt
from storage.enums import Holds, PairOrigin, RunKind, RunStatus
from storage.schema.tables import Adapter, Completion, Pair
from storage.training import adapters, runs as run_rows
from tests.app.services.running.conftest import Queue, Worker
from trainer.options.presets import PRESETS

AT = "2026-01-02T03:04:05.678Z"


def _take_in(context: Context, worker: Worker, *events: dict[str, Any]) -> None:
    numbered = [{"seq": number, "at": AT, **event} for number, event in enumerate(events, start=1)]
    with context.database.session_scope() as session:
        run = run_rows.get_run(session, worker.run_id)
        take_in(session, run, numbered, folder=worker.folder)


def _answer(text: str, seed: int) -> dict[str, Any]:
    return {"text": text, "seed": seed, "num_tokens": 3, "finish_reason": "stop"}


def test_progress_and_curves_are_kept_and_what_is_no_number_is_left_out(
    context: Context, queue: Queue
) -> None:
    worker = Worker(context, queue(RunKind.DPO))
    _take_in(
        context,
        worker,
        {"type": "started", "device": "cpu"},
        {"type": "metrics", "step": 1, "values": {"loss": 0.7, "grad_norm": None}},
        {"type": "metrics", "step": 2, "values": {"loss": 0.6}},
        {"type": "progress", "done": 2, "total": 9, "eta_seconds": 4.5},
        {"type": "something of a later version"},
    )
    row = worker.row()
    assert row.progress == {"done": 2, "total": 9, "eta_seconds": 4.5}
    assert row.summary == {"started": {"device": "cpu"}}
    with context.database.read_scope() as session:
        assert run_rows.metrics_of(session, row.id) == {"loss": [(1, 0.7), (2, 0.6)]}


def test_a_resumed_run_keeps_its_curves_up_to_the_checkpoint(
    context: Context, queue: Queue
) -> None:
    worker = Worker(context, queue(RunKind.DPO))
    before = [{"type": "metrics", "step": step, "values": {"loss": 1.0}} for step in range(1, 6)]
    resumed = {"type": "started", "resumed_from_step": 3}
    _take_in(context, worker, *before, resumed)
    with context.database.read_scope() as session:
        curve = run_rows.metrics_of(session, worker.run_id)["loss"]
    assert [step for step, _ in curve] == [1, 2, 3]


def test_a_generated_pair_comes_with_all_that_is_known_of_its_answers(
    context: Context, queue: Queue
) -> None:
    options = {"sampling": {"temperature": 0.9}}
    worker = Worker(context, queue(RunKind.GENERATE, options=options, round=2))
    with context.database.session_scope() as session:
        add_prompt(session, [{"role": "user", "content": "Hi"}], source="test")
    pair = {"type": "pair", "prompt_id": 1, "a": _answer("one", 5), "b": _answer("two", 6)}
    _take_in(context, worker, pair)
    with context.database.read_scope() as session:
        stored = session.scalars(select(Pair)).one()
        assert (stored.origin, stored.round, stored.run_id) == (
            PairOrigin.GENERATED,
            2,
            worker.run_id,
        )
        answers = session.scalars(select(Completion).order_by(Completion.id)).all()
    assert [(row.text, row.seed, row.model) for row in answers] == [
        ("one", 5, "starter"),
        ("two", 6, "starter"),
    ]
    assert answers[0].sampling == options["sampling"]


def test_a_pair_that_no_database_takes_becomes_a_warning_and_the_rest_is_kept(
    context: Context, queue: Queue
) -> None:
    worker = Worker(context, queue(RunKind.GENERATE))
    with context.database.session_scope() as session:
        add_prompt(session, [{"role": "user", "content": "Hi"}], source="test")
    bad, good = (
        {"type": "pair", "prompt_id": 1, "a": _answer(text, 1), "b": _answer("b", 2)}
        for text in ("a\0", "a")
    )
    _take_in(context, worker, bad, {"type": "warning", "message": "slow"}, good)
    warnings = (worker.row().summary or {})["warnings"]
    assert warnings[0].startswith("A pair for prompt 1 was left out. An answer cannot be stored")
    assert warnings[1:] == ["slow"]
    with context.database.read_scope() as session:
        assert len(session.scalars(select(Pair)).all()) == 1


@pytest.mark.parametrize(
    ("kind", "options", "name", "holds"),
    [
        (RunKind.DPO, {}, "adapter", Holds.ADAPTER),
        (RunKind.SFT, PRESETS["quick"].to_dict(), "adapter", Holds.ADAPTER),
        (RunKind.DPO, PRESETS["full"].to_dict(), "model", Holds.FULL_MODEL),
        (RunKind.SFT, {"lora": None}, "model", Holds.FULL_MODEL),
        (RunKind.REWARD, {}, "adapter", Holds.REWARD_MODEL),
    ],
    ids=["dpo", "sft", "full dpo", "full sft", "reward"],
)
def test_what_a_finished_run_has_trained_is_known_by_what_it_is(
    context: Context, queue: Queue, kind: RunKind, options: dict[str, Any], name: str, holds: Holds
) -> None:
    worker = Worker(context, queue(kind, options=options))
    worker.save(name)
    _take_in(context, worker, {"type": "finished", "summary": {"adapter": name, "seconds": 2.0}})
    row = worker.row()
    assert (row.status, row.summary) == (RunStatus.FINISHED, {"adapter": name, "seconds": 2.0})
    assert row.ended_at is not None
    assert row.ended_at.isoformat() == "2026-01-02T03:04:05.678000+00:00"
    with context.database.read_scope() as session:
        adapter = session.scalars(select(Adapter)).one()
        assert (adapter.folder, adapter.holds) == (f"runs/{row.folder}/{name}", holds)
        answers, full = adapters.list_tuned_adapters(session), adapters.list_full_models(session)
    assert (bool(answers), bool(full)) == (
        holds is not Holds.REWARD_MODEL,
        holds is Holds.FULL_MODEL,
    )


@pytest.mark.parametrize("ending", ["failed", "cancelled"])
def test_a_run_that_was_stopped_or_failed_keeps_the_adapter_that_it_has_saved(
    context: Context, queue: Queue, ending: str
) -> None:
    first = Worker(context, queue(RunKind.DPO))
    first.save("adapter")
    _take_in(context, first, {"type": ending, "message": "Stopped.", "adapter": "adapter"})
    assert (first.row().status, first.row().error) == (RunStatus(ending), "Stopped.")
    second = Worker(context, queue(RunKind.DPO, adapter=f"runs/{first.folder.name}/adapter"))
    second.save("adapter")
    _take_in(context, second, {"type": "finished", "summary": {"adapter": "adapter"}})
    with context.database.read_scope() as session:
        assert _parents(session) == [None, 1]


def _parents(session: Session) -> list[int | None]:
    return list(session.scalars(select(Adapter.parent_id).order_by(Adapter.id)))
