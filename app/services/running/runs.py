"""See and steer runs: the list, one run with its curves, stop and resume."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.services.context import Context, User
from storage.clock import utc_now
from storage.enums import RunKind, RunStatus
from storage.errors import InputError
from storage.schema.tables import Run
from storage.training import adapters, runs as run_rows
from trainer.evaluation.diagnosis import diagnosis, heldout_in_words
from trainer.options.training import trains_full_model
from trainer.runs import launch
from trainer.runs.lock import forget_stop

LOG_LINES = 200
TRAINING_KINDS = tuple(kind for kind in RunKind if kind.trains)
# TRL's names of the reward accuracy, the best first: of DPO, then of a reward model.
_ACCURACIES = ("eval_rewards/accuracies", "rewards/accuracies", "eval_accuracy", "accuracy")


@dataclass(frozen=True)
class RunRow:
    """A line of the table of runs."""

    id: int
    kind: str
    recipe: str
    status: str
    model: str
    started_by: str | None
    num_pairs: int | None
    accuracy: float | None
    seconds: float | None
    error: str | None
    created_at: datetime
    options: dict[str, Any]


@dataclass(frozen=True)
class RunView:
    """One run with everything that its screen shows."""

    row: RunRow
    step: int | None
    num_steps: int | None
    eta_seconds: float | None
    curves: dict[str, list[tuple[int, float]]]
    log: str
    diagnosis: list[str]
    warnings: list[str]
    summary: dict[str, Any]
    adapter_id: int | None
    is_full_model: bool  # what it trains is the model itself, not an adapter
    waiting_for: str | None
    can_resume: bool


def list_runs(context: Context, *, kinds: Sequence[RunKind] | None = None) -> list[RunRow]:
    """All runs of these kinds, newest first."""
    with context.database.read_scope() as session:
        return [_row(run) for run in run_rows.list_runs(session, kinds=kinds)]


def latest_run_id(context: Context, kinds: Sequence[RunKind]) -> int | None:
    """The newest run of these kinds, whatever its state; None when there is none yet."""
    with context.database.read_scope() as session:
        run = run_rows.latest_run(session, kinds)
        return run.id if run else None


def run_view(context: Context, run_id: int) -> RunView:
    """Everything about one run; raises NotFoundError for an id that no run has."""
    with context.database.read_scope() as session:
        run = run_rows.get_run(session, run_id)
        folder = context.runs_folder / run.folder
        curves = run_rows.metrics_of(session, run_id)
        adapter = adapters.adapter_of_run(session, run_id)
        progress = run.progress or {}
        summary = run.summary or {}
        return RunView(
            row=_row(run),
            step=progress.get("done"),
            num_steps=progress.get("total"),
            eta_seconds=progress.get("eta_seconds"),
            curves=curves,
            log=launch.log_tail(folder, LOG_LINES),
            diagnosis=_in_words(run, curves),
            warnings=summary.get("warnings", []),
            summary={key: value for key, value in summary.items() if key != "warnings"},
            adapter_id=adapter.id if adapter else None,
            is_full_model=trains_full_model(run.options),
            waiting_for=_waiting_for(session, run),
            can_resume=_can_resume(run, folder),
        )


def current_run(context: Context) -> RunView | None:
    """The run that a worker carries out now; None when nothing runs."""
    with context.database.read_scope() as session:
        running = [run.id for run in run_rows.runs_in_state(session, RunStatus.RUNNING)]
    return run_view(context, running[0]) if running else None


def stop_run(context: Context, user: User, run_id: int) -> None:
    """Ask a running run for a clean stop, or take a queued one out of the queue.

    A training run keeps what is done: it saves its adapter and ends as cancelled.
    """
    with context.database.session_scope() as session:
        run = run_rows.get_run(session, run_id)
        if run.status.has_ended:
            raise InputError(
                f"Run {run_id} has already ended ({run.status.value}). Nothing to stop."
            )
        if run.status == RunStatus.QUEUED:
            run_rows.set_status(session, run_id, RunStatus.CANCELLED)
            return
        launch.stop(context.runs_folder / run.folder)


def resume_run(context: Context, user: User, run_id: int) -> int:
    """Queue a failed or cancelled run again; it goes on from its last checkpoint."""
    with context.database.session_scope() as session:
        run = run_rows.get_run(session, run_id)
        folder = context.runs_folder / run.folder
        if not _can_resume(run, folder):
            has_ended = run.status in (RunStatus.FAILED, RunStatus.CANCELLED)
            why = "it has no checkpoint to go on from" if has_ended else f"it is {run.status.value}"
            raise InputError(f"Run {run_id} cannot be resumed: {why}.")
        forget_stop(folder)
        run_rows.set_status(session, run_id, RunStatus.QUEUED)
    return run_id


def to_json(view: RunView) -> dict[str, Any]:
    """A run as plain JSON, for scripts."""
    data = asdict(view)
    data["row"]["created_at"] = view.row.created_at.isoformat()
    return data


def _in_words(run: Run, curves: dict[str, list[tuple[int, float]]]) -> list[str]:
    """Why the run ended early if it did, and what its curves say."""
    summary = run.summary or {}
    early = [summary["stopped_early"]] if summary.get("stopped_early") else []
    found = early + diagnosis(curves, num_train=summary.get("num_pairs", 0))
    if heldout := summary.get("heldout_accuracy"):
        found.insert(0, heldout_in_words(**heldout))
    if curves and not found and run.status.has_ended:
        return ["Nothing stands out in these curves."]
    return found


def _row(run: Run) -> RunRow:
    summary = run.summary or {}
    metrics = summary.get("metrics", {})
    accuracy = next((metrics[name] for name in _ACCURACIES if name in metrics), None)
    return RunRow(
        id=run.id,
        kind=run.kind.value,
        recipe=run.recipe,
        status=run.status.value,
        model=run.base_model,
        started_by=run.started_by,
        num_pairs=summary.get("num_pairs"),
        accuracy=accuracy,
        seconds=_seconds(run),
        error=run.error,
        created_at=run.created_at,
        options=run.options,
    )


def _seconds(run: Run) -> float | None:
    if run.started_at is None:
        return None
    return ((run.ended_at or utc_now()) - run.started_at).total_seconds()


def _waiting_for(session: Session, run: Run) -> str | None:
    if run.status != RunStatus.QUEUED:
        return None
    running = run_rows.runs_in_state(session, RunStatus.RUNNING)
    if running:
        return f"Waits for run {running[0].id}: one run at a time fits this device."
    return f"Waits for run {run.after_run_id}." if run.after_run_id else "Starts in a moment."


def _can_resume(run: Run, folder: Path) -> bool:
    checkpoints = folder / "checkpoints"
    return run.status in (RunStatus.FAILED, RunStatus.CANCELLED) and (
        (checkpoints.is_dir() and any(checkpoints.iterdir())) or run.kind == RunKind.GENERATE
    )
