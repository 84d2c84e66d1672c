"""Take a trained adapter further: a full model, a GGUF file, a hub repository, a plain script."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.services.context import Context, User
from app.services.outputs.transfer import download_folder
from app.services.tuning.training import queue_run
from storage.enums import Holds, RunKind, RunStatus
from storage.errors import InputError
from storage.schema.tables import Run
from storage.training import adapters, runs as run_rows
from storage.training.runs import NewRun
from trainer.exporting import hub
from trainer.exporting.script import plain_script
from trainer.options.export import WEIGHTS, ExportOptions

NUM_LISTED = 5


@dataclass(frozen=True)
class ExportRow:
    """One export of an adapter, as the screen lists it."""

    run_id: int
    target: str
    status: str
    error: str | None
    num_bytes: int | None
    weights: str | None
    repository: str | None


def weight_choices(target: str) -> list[str]:
    """The dtypes and quantisations that such an export can write, the default first."""
    return list(WEIGHTS.get(target, ()))


def can_send() -> bool:
    """Whether a token for the hub is set."""
    return hub.has_token()


def start_export(context: Context, user: User, adapter_id: int, options: dict[str, Any]) -> int:
    """Queue an export run of an adapter and return its id.

    Raises NotFoundError for an unknown adapter, InputError for one that cannot be exported,
    TrainerError for options that cannot work, and when it is to be sent and no token is set.
    """
    wanted = ExportOptions.from_dict(options).checked()
    if wanted.repository is not None:
        hub.check_target(wanted.repository)
    with context.database.session_scope() as session:
        adapter = adapters.get_adapter(session, adapter_id)
        if adapter.holds is Holds.REWARD_MODEL:
            raise InputError(
                "This adapter scores answers and writes none, so there is no model to export. "
                "Choose one of an SFT or DPO run."
            )
        new = NewRun(
            kind=RunKind.EXPORT,
            recipe=wanted.target,
            base_model=adapter.base_model,
            adapter=adapter.folder,
            options=options,
            round=run_rows.get_run(session, adapter.run_id).round,
            started_by=user.name,
        )
        return queue_run(context, session, new, {}).id


def start_export_of_run(context: Context, user: User, run_id: int, options: dict[str, Any]) -> int:
    """Queue an export of the adapter that a run has saved, and return the export's id.

    Raises InputError when the run has saved none, and what `start_export` raises.
    """
    with context.database.read_scope() as session:
        run_rows.get_run(session, run_id)
        adapter = adapters.adapter_of_run(session, run_id)
    if adapter is None:
        raise InputError(f"Run {run_id} has saved no adapter yet, so there is nothing to export.")
    return start_export(context, user, adapter.id, options)


def list_exports(context: Context, adapter_id: int) -> list[ExportRow]:
    """The last exports of an adapter, newest first."""
    with context.database.read_scope() as session:
        folder = adapters.get_adapter(session, adapter_id).folder
        found = run_rows.list_runs(session, kinds=[RunKind.EXPORT])
        return [_row(run) for run in found if run.adapter == folder][:NUM_LISTED]


def exported_file(context: Context, run_id: int) -> Path:
    """What an export run has written, for download: the GGUF file, or the model as a zip.

    Raises InputError when it has written nothing.
    """
    with context.database.read_scope() as session:
        run = run_rows.get_run(session, run_id)
        output = (run.summary or {}).get("output")
        folder = context.runs_folder / run.folder / str(output)
    if run.kind is not RunKind.EXPORT or output is None or not folder.is_dir():
        raise InputError(f"Run {run_id} has written no model. Start an export, and wait for it.")
    place = download_folder()
    for file in folder.glob("*.gguf"):
        return Path(shutil.copy(file, place))
    name = f"model-of-run-{run_id}"
    return Path(shutil.make_archive(str(place / name), "zip", folder))


def script_of_run(context: Context, run_id: int) -> str:
    """The plain TRL script of a run; raises TrainerError when there is none."""
    with context.database.read_scope() as session:
        run = run_rows.get_run(session, run_id)
    return plain_script(context.runs_folder / run.folder, context.settings.data_folder)


def _row(run: Run) -> ExportRow:
    summary = run.summary or {}
    finished = run.status is RunStatus.FINISHED
    return ExportRow(
        run_id=run.id,
        target=run.recipe,
        status=run.status.value,
        error=run.error,
        num_bytes=summary.get("num_bytes") if finished else None,
        weights=summary.get("weights"),
        repository=summary.get("repository"),
    )
