"""Runs and their metrics: what the follower of a run's events stores, and what screens ask.

This module stores what it is given; it knows neither folders nor the meaning of events.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from storage.clock import utc_now
from storage.enums import RunKind, RunStatus
from storage.errors import NotFoundError, StaleError
from storage.schema.tables import Metric, Run


@dataclass(frozen=True)
class NewRun:
    """A background job to be queued; its fields are columns."""

    kind: RunKind
    recipe: str
    """What the user chose, such as "dpo", "sft_dpo" or "generate"."""
    base_model: str
    adapter: str | None = None
    """Adapter to start from: a folder relative to the data folder."""
    options: dict[str, Any] = field(default_factory=dict)
    snapshot: str | None = None
    """Hash of the frozen preferences, "sha256:..."."""
    after_run_id: int | None = None
    """The run that has to finish first."""
    round: int = 0
    started_by: str | None = None
    """Name of the user."""


@dataclass(frozen=True)
class NewMetric:
    """One number out of a metrics event; its fields are columns."""

    seq: int
    """Sequence number of the event in the run's file."""
    step: int
    name: str
    value: float | None
    at: datetime


def create_run(session: Session, new: NewRun) -> Run:
    """Store a queued run; its folder name "0007-dpo" is fixed here, from its number and kind.

    Raises:
        NotFoundError: the run to wait for does not exist.
    """
    if new.after_run_id is not None:
        get_run(session, new.after_run_id)
    # The folder's name needs the number, which comes with the insert.
    run = Run(**vars(new), status=RunStatus.QUEUED, folder=uuid.uuid4().hex)
    session.add(run)
    session.flush()
    run.folder = f"{run.id:04d}-{run.kind}"
    session.flush()
    return run


def get_run(session: Session, run_id: int) -> Run:
    """Return one run.

    Raises:
        NotFoundError: there is no such run.
    """
    run = session.get(Run, run_id)
    if run is None:
        raise NotFoundError(f"Run {run_id} does not exist. Choose one from the list of runs.")
    return run


def list_runs(
    session: Session, *, kinds: Sequence[RunKind] | None = None, limit: int = 100
) -> list[Run]:
    """Return runs of the kinds (None: of all kinds), newest first."""
    query = select(Run).order_by(Run.id.desc()).limit(limit)
    return list(session.scalars(query if kinds is None else query.where(Run.kind.in_(kinds))))


def latest_run(session: Session, kinds: Sequence[RunKind]) -> Run | None:
    """Return the newest run of the kinds, if there is any."""
    found = list_runs(session, kinds=kinds, limit=1)
    return found[0] if found else None


def runs_in_state(session: Session, *states: RunStatus) -> list[Run]:
    """Return runs in any of the states, oldest first: the order in which they wait."""
    return list(session.scalars(select(Run).where(Run.status.in_(states)).order_by(Run.id)))


def set_status(
    session: Session,
    run_id: int,
    status: RunStatus,
    *,
    error: str | None = None,
    now: datetime | None = None,
) -> Run:
    """Move a run to a status and keep its times.

    The first `running` sets started_at, an ending sets ended_at. Going back to queued or running
    (a resumed run) clears the ending and its error.

    Raises:
        NotFoundError: there is no such run.
    """
    run = get_run(session, run_id)
    at = now or utc_now()
    run.status = status
    run.error = error
    run.ended_at = at if status.has_ended else None
    if status is RunStatus.RUNNING:
        run.started_at = run.started_at or at
    session.flush()
    return run


def advance_events(session: Session, run_id: int, *, from_offset: int, to_offset: int) -> None:
    """Note how many bytes of the events are taken in, in the transaction of what they brought.

    Raises:
        StaleError: the run does not stand at `from_offset`: these events were taken in before.
    """
    moved = session.execute(
        update(Run)
        .where(Run.id == run_id, Run.events_offset == from_offset)
        .values(events_offset=to_offset)
        .returning(Run.id)
    ).first()
    if moved is None:
        raise StaleError(
            f"The events of run {run_id} after byte {from_offset} were taken in already."
        )


def add_metrics(session: Session, run_id: int, metrics: Iterable[NewMetric]) -> int:
    """Store metrics of a run in one statement; return how many."""
    rows = [{"run_id": run_id, **vars(metric)} for metric in metrics]
    if rows:
        session.execute(insert(Metric), rows)
    return len(rows)


def drop_metrics_after(session: Session, run_id: int, *, step: int) -> None:
    """Delete the metrics of later steps: the run was resumed from a checkpoint of `step`."""
    session.execute(delete(Metric).where(Metric.run_id == run_id, Metric.step > step))


def metrics_of(session: Session, run_id: int) -> dict[str, list[tuple[int, float]]]:
    """Return curves by name as (step, value), in the order of the events; NULL values left out.

    A step that comes twice, after a resume from a checkpoint, keeps its later value.
    """
    query = (
        select(Metric.name, Metric.step, Metric.value)
        .where(Metric.run_id == run_id, Metric.value.is_not(None))
        .order_by(Metric.seq)
    )
    curves: dict[str, dict[int, float]] = {}
    for name, step, value in session.execute(query):
        if value is not None:
            curves.setdefault(name, {})[step] = value
    return {name: sorted(points.items()) for name, points in curves.items()}
