"""Which models may be used: those that the administrator named, and those that were made here."""

from app.services.context import Context
from storage.enums import RunKind, RunStatus
from storage.errors import InputError
from storage.training import adapters
from storage.training import runs as run_rows
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
