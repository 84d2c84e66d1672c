"""Which models may be used: those that the administrator named, and those that were made here."""

from sqlalchemy.orm import Session

from app.services.context import Context
from storage.enums import RunKind, RunStatus
from storage.errors import InputError
from storage.schema.tables import Adapter
from storage.training import adapters, runs as run_rows
from trainer.models import model_source

MERGED = "merged"


def model_choices(context: Context) -> list[tuple[str, str]]:
    """The models to choose from, as (name on the screen, name in a run)."""
    return [(model_source.describe(model), model) for model in _allowed(context)]


def model_of_run(context: Context, run_id: int) -> str:
    """The name under which the model that a run has made is a base model for further runs.

    Raises InputError for a run that has made none: only merging and training a full model do.
    """
    found = _made_here(context)
    if run_id not in found:
        raise InputError(
            f"Run {run_id} has made no full model. Export a merged model, and wait for its end."
        )
    return found[run_id]


def check_allowed(context: Context, model: str) -> None:
    """Raise InputError unless `model` was named at the start of the server, or made here."""
    known = _allowed(context)
    if model not in known:
        raise InputError(
            f'The model "{model}" is not one of this server\'s models ({", ".join(known)}). '
            f"Choose one of these, or restart the server with --model {model}."
        )


def round_after(context: Context, session: Session, model: str, adapter: Adapter | None) -> int:
    """The round of what is made with a base model, or with an adapter on it.

    A round is one turn of the loop. What is imported, answered by a base model or trained from one
    is of round 0; what is answered by a model that was trained here in round n (an adapter, a full
    model, or the export of one), is compared with it or trained from it is of round n + 1. So pairs
    of round n + 1 ask about models of round n. Both runs of "SFT then DPO" are one turn. Of data
    folders older than this rule all is of round 0.
    """
    made_by = adapter.run_id if adapter else _run_of(context, model)
    return 0 if made_by is None else run_rows.get_run(session, made_by).round + 1


def _run_of(context: Context, model: str) -> int | None:
    return next((run for run, made in _made_here(context).items() if made == model), None)


def _allowed(context: Context) -> list[str]:
    return [*context.settings.models, *_made_here(context).values()]


def _made_here(context: Context) -> dict[int, str]:
    """Folders of the merged and trained models that are still there, by run, newest first."""
    with context.database.read_scope() as session:
        folders = {
            model.run_id: (context.settings.data_folder / model.folder).resolve()
            for model in adapters.list_full_models(session)
        }
        folders |= {
            run.id: (context.runs_folder / run.folder / str(run.summary["output"])).resolve()
            for run in run_rows.list_runs(session, kinds=[RunKind.EXPORT])
            if run.recipe == MERGED and run.status is RunStatus.FINISHED and run.summary
        }
    found = sorted(folders.items(), reverse=True)
    return {run_id: str(folder) for run_id, folder in found if folder.is_dir()}
