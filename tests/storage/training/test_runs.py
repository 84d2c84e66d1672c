"""Runs, their metrics, and events that are taken in once."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from storage.clock import utc_now
from storage.enums import Holds, RunKind, RunStatus
from storage.errors import NotFoundError, StaleError
from storage.schema.database import Database
from storage.training.adapters import (
    NewAdapter,
    adapter_in_folder,
    adapter_of_run,
    add_adapter,
    get_adapter,
    list_tuned_adapters,
)
from storage.training.runs import (
    NewMetric,
    NewRun,
    add_metrics,
    advance_events,
    create_run,
    get_run,
    latest_run,
    list_runs,
    metrics_of,
    runs_in_state,
    set_status,
)

NOW = utc_now()


def _create(database: Database, kind: RunKind = RunKind.DPO, **fields: object) -> int:
    new = NewRun(kind=kind, recipe=kind.value, base_model="starter", **fields)  # type: ignore[arg-type]
    with database.session_scope() as session:
        return create_run(session, new).id


def test_run_is_queued_with_the_name_of_its_folder(database: Database) -> None:
    first = _create(database, RunKind.GENERATE, options={"sampling": {"seed": 1}}, started_by="eva")
    second = _create(database, after_run_id=first, snapshot="sha256:00", round=2)
    with database.read_scope() as session:
        run, following = get_run(session, first), get_run(session, second)
    assert (run.folder, following.folder) == ("0001-generate", "0002-dpo")
    assert run.status is following.status is RunStatus.QUEUED
    assert (run.options, run.started_by) == ({"sampling": {"seed": 1}}, "eva")
    assert (following.after_run_id, following.snapshot, following.round) == (1, "sha256:00", 2)
    assert run.events_offset == 0


def test_unknown_runs_are_named(database: Database) -> None:
    with pytest.raises(NotFoundError, match="Run 9"):
        _create(database, after_run_id=9)
    with database.session_scope() as session:
        with pytest.raises(NotFoundError, match="Run 7"):
            set_status(session, 7, RunStatus.FAILED)
        assert list_runs(session) == []


def test_status_keeps_the_times(database: Database) -> None:
    run_id = _create(database)
    with database.session_scope() as session:
        set_status(session, run_id, RunStatus.RUNNING, now=NOW)
    with database.session_scope() as session:
        later = NOW + timedelta(seconds=5)
        set_status(session, run_id, RunStatus.FAILED, error="out of memory", now=later)
    with database.read_scope() as session:
        run = get_run(session, run_id)
        assert (run.started_at, run.ended_at, run.error) == (NOW, later, "out of memory")
    with database.session_scope() as session:
        resumed = set_status(session, run_id, RunStatus.QUEUED)
        assert (resumed.started_at, resumed.ended_at, resumed.error) == (NOW, None, None)


def test_runs_are_listed_by_kind_and_state(database: Database) -> None:
    one, two, three = (
        _create(database, kind) for kind in (RunKind.DPO, RunKind.GENERATE, RunKind.SFT)
    )
    with database.session_scope() as session:
        set_status(session, two, RunStatus.RUNNING)
        assert [run.id for run in list_runs(session)] == [three, two, one]
        training = [RunKind.DPO, RunKind.SFT]
        assert [run.id for run in list_runs(session, kinds=training)] == [three, one]
        assert [run.id for run in runs_in_state(session, RunStatus.QUEUED)] == [one, three]
        active = runs_in_state(session, RunStatus.QUEUED, RunStatus.RUNNING)
        assert [run.id for run in active] == [one, two, three]
        latest = latest_run(session, [RunKind.GENERATE])
        assert latest is not None
        assert latest.id == two
        assert latest_run(session, [RunKind.EXPORT]) is None


def test_progress_and_summary_are_kept_as_given(database: Database) -> None:
    run_id = _create(database)
    with database.session_scope() as session:
        run = get_run(session, run_id)
        run.progress = {"done": 3, "total": 10, "eta_seconds": None}
        run.summary = {"adapter": "adapter", "dropped": {"empty": 1}}
    with database.read_scope() as session:
        run = get_run(session, run_id)
    assert run.progress == {"done": 3, "total": 10, "eta_seconds": None}
    assert run.summary == {"adapter": "adapter", "dropped": {"empty": 1}}


def test_curves_come_back_in_order_without_missing_values(database: Database) -> None:
    run_id, other = _create(database), _create(database)
    metrics = [
        NewMetric(seq=1, step=1, name="loss", value=0.69, at=NOW),
        NewMetric(seq=1, step=1, name="rewards/margins", value=0.0, at=NOW),
        NewMetric(seq=2, step=2, name="loss", value=None, at=NOW),
        NewMetric(seq=3, step=3, name="loss", value=0.5, at=NOW),
    ]
    with database.session_scope() as session:
        assert add_metrics(session, run_id, metrics) == 4
        assert add_metrics(session, run_id, []) == 0
        add_metrics(session, other, metrics[:1])
    with database.read_scope() as session:
        assert metrics_of(session, run_id) == {
            "loss": [(1, 0.69), (3, 0.5)],
            "rewards/margins": [(1, 0.0)],
        }


def test_step_that_is_repeated_after_a_resume_keeps_its_later_value(database: Database) -> None:
    run_id = _create(database)
    steps = enumerate([1, 2, 3, 2, 3])
    with database.session_scope() as session:
        add_metrics(
            session,
            run_id,
            [NewMetric(seq=s, step=step, name="loss", value=s / 10, at=NOW) for s, step in steps],
        )
        assert metrics_of(session, run_id) == {"loss": [(1, 0.0), (2, 0.3), (3, 0.4)]}


def test_same_event_cannot_be_stored_twice(database: Database) -> None:
    run_id = _create(database)
    metrics = [NewMetric(seq=1, step=1, name="loss", value=0.69, at=NOW)]
    with database.session_scope() as session:
        add_metrics(session, run_id, metrics)
    with pytest.raises(IntegrityError), database.session_scope() as session:
        add_metrics(session, run_id, metrics)


def test_events_taken_in_before_are_stale_and_roll_everything_back(database: Database) -> None:
    run_id = _create(database)

    def take_in(from_offset: int, to_offset: int, seq: int) -> None:
        with database.session_scope() as session:
            metric = NewMetric(seq=seq, step=seq, name="loss", value=0.5, at=NOW)
            add_metrics(session, run_id, [metric])
            advance_events(session, run_id, from_offset=from_offset, to_offset=to_offset)

    take_in(0, 120, 1)
    with pytest.raises(StaleError, match="after byte 0"):
        take_in(0, 240, 2)
    take_in(120, 240, 2)
    with database.read_scope() as session:
        assert get_run(session, run_id).events_offset == 240
        assert metrics_of(session, run_id) == {"loss": [(1, 0.5), (2, 0.5)]}


def test_adapter_of_a_folder_is_stored_once(database: Database) -> None:
    run_id = _create(database)
    new = NewAdapter(run_id, "runs/0001-dpo/adapter", Holds.ADAPTER, "starter", "sha256:1")
    with database.session_scope() as session:
        first = add_adapter(session, new)
        later = NewAdapter(run_id, "runs/0001-dpo/adapter", Holds.ADAPTER, "starter", "sha256:2")
        assert add_adapter(session, later).id == first.id
        child = NewAdapter(
            run_id, "runs/0001-dpo/other", Holds.ADAPTER, "starter", "sha256:3", first.id
        )
        second = add_adapter(session, child)
    with database.read_scope() as session:
        assert [adapter.id for adapter in list_tuned_adapters(session)] == [second.id, first.id]
        assert get_adapter(session, first.id).manifest_hash == "sha256:2"
        assert get_adapter(session, second.id).parent_id == first.id
        newest = adapter_of_run(session, run_id)
        assert newest is not None
        assert newest.id == second.id
        assert adapter_of_run(session, 99) is None
        found = adapter_in_folder(session, "runs/0001-dpo/adapter")
        assert found is not None
        assert found.id == first.id
        with pytest.raises(NotFoundError, match="Adapter 99"):
            get_adapter(session, 99)
