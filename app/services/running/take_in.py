"""Turn a worker's events into rows, inside the transaction that also moves the offset."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from storage.data import pairs
from storage.data.pairs import NewCompletion
from storage.enums import CompletionOrigin, Holds, PairOrigin, RunKind, RunStatus
from storage.errors import InputError
from storage.schema.tables import Run
from storage.training import adapters, runs as run_rows
from storage.training.adapters import NewAdapter
from storage.training.runs import NewMetric
from trainer.options.training import trains_full_model
from trainer.runs.manifest import manifest_hash

Event = dict[str, Any]


def take_in(session: Session, run: Run, events: list[Event], *, folder: Path) -> None:
    """Store what `events` say of `run`: progress, metrics, generated pairs, its end."""
    for event in events:
        match event["type"]:
            case "started":
                _start(session, run, event)
            case "progress":
                run.progress = _payload(event)
            case "metrics":
                run_rows.add_metrics(session, run.id, _metrics(event))
            case "pair":
                _add_generated_pair(session, run, event)
            case "warning":
                _warn(run, event["message"])
            case "finished":
                _end(session, run, event, RunStatus.FINISHED, folder)
            case "cancelled":
                _end(session, run, event, RunStatus.CANCELLED, folder)
            case "failed":
                _end(session, run, event, RunStatus.FAILED, folder)


def _start(session: Session, run: Run, event: Event) -> None:
    run.summary = {**(run.summary or {}), "started": _payload(event)}
    resumed_from = event.get("resumed_from_step")
    if resumed_from is not None:
        # Steps after the checkpoint are taken again: their first values are no part of the run.
        run_rows.drop_metrics_after(session, run.id, step=resumed_from)


def _metrics(event: Event) -> list[NewMetric]:
    at = _time_of(event)
    return [
        NewMetric(seq=event["seq"], step=event["step"], name=name, value=value, at=at)
        for name, value in event["values"].items()
    ]


def _end(session: Session, run: Run, event: Event, status: RunStatus, folder: Path) -> None:
    result = event.get("summary") or {}
    run.summary = {**(run.summary or {}), **result}
    run_rows.set_status(session, run.id, status, error=event.get("message"), now=_time_of(event))
    # Weights may have been saved by a run that was stopped or failed, too.
    name = result.get("adapter") or event.get("adapter")
    if name is None:
        return
    parent = adapters.adapter_in_folder(session, run.adapter) if run.adapter else None
    adapters.add_adapter(
        session,
        NewAdapter(
            run_id=run.id,
            folder=f"runs/{run.folder}/{name}",
            holds=_holds(run),
            base_model=run.base_model,
            manifest_hash=manifest_hash(folder / name),
            parent_id=parent.id if parent else None,
        ),
    )


def _holds(run: Run) -> Holds:
    if run.kind is RunKind.REWARD:
        return Holds.REWARD_MODEL
    return Holds.FULL_MODEL if trains_full_model(run.options) else Holds.ADAPTER


def _add_generated_pair(session: Session, run: Run, event: Event) -> None:
    a, b = (_completion(run, event[side]) for side in ("a", "b"))
    try:
        pairs.add_pair(
            session,
            event["prompt_id"],
            a,
            b,
            origin=PairOrigin.GENERATED,
            round=run.round,
            run_id=run.id,
        )
    except InputError as error:  # a text that no database takes must not hold up all that follow
        _warn(run, f"A pair for prompt {event['prompt_id']} was left out. {error}")


def _warn(run: Run, message: str) -> None:
    summary = run.summary or {}
    run.summary = {**summary, "warnings": [*summary.get("warnings", []), message]}


def _completion(run: Run, answer: dict[str, Any]) -> NewCompletion:
    return NewCompletion(
        text=answer["text"],
        origin=CompletionOrigin.GENERATED,
        model=run.base_model,
        adapter=run.adapter,
        sampling=run.options.get("sampling"),
        seed=answer["seed"],
        num_tokens=answer["num_tokens"],
        finish_reason=answer["finish_reason"],
    )


def _payload(event: Event) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in ("seq", "at", "type")}


def _time_of(event: Event) -> datetime:
    return datetime.fromisoformat(event["at"].replace("Z", "+00:00")).astimezone(UTC)
