"""Which models may be used: those that the administrator named, and those that were merged here."""

from app.services.context import Context
from storage import runs as run_rows
from storage.enums import RunKind, RunStatus
from storage.errors import InputError
from trainer import model_source

MERGED = "merged"


def model_choices(context: Context) -> list[tuple[str, str]]:
    """The models to choose from, as (name on the screen, name in a run)."""
    return [(model_source.describe(model), model) for model in _allowed(context)]


def merged_model(context: Context, run_id: int) -> str:
    """The name under which an export run's merged model is a base model for further runs.

    Raises InputError for a run that has merged none.
    """
    found = _merged_models(context)
    if run_id not in found:
        raise InputError(
            f"Run {run_id} has merged no model. Export a merged model, and wait for its end."
        )
    return found[run_id]


def check_allowed(context: Context, model: str) -> None:
    """Raise InputError unless `model` was named at the start of the server, or merged here."""
    known = _allowed(context)
    if model not in known:
        raise InputError(
            f'The model "{model}" is not one of this server\'s models ({", ".join(known)}). '
            f"Choose one of these, or restart the server with --model {model}."
        )


def _allowed(context: Context) -> list[str]:
    return [*context.settings.models, *_merged_models(context).values()]


def _merged_models(context: Context) -> dict[int, str]:
    """Folders of the merged models that are still there, by export run, newest first."""
    with context.database.read_scope() as session:
        folders = {
            run.id: (context.runs_folder / run.folder / str(run.summary["output"])).resolve()
            for run in run_rows.list_runs(session, kinds=[RunKind.EXPORT])
            if run.recipe == MERGED and run.status is RunStatus.FINISHED and run.summary
        }
    return {run_id: str(folder) for run_id, folder in folders.items() if folder.is_dir()}
