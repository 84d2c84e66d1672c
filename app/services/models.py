"""Which models may be used: the starter, and those that the administrator named at the start."""

from app.services.context import Context
from storage.errors import InputError
from trainer import model_source


def model_choices(context: Context) -> list[tuple[str, str]]:
    """The models to choose from, as (name on the screen, name in a run)."""
    return [(model_source.describe(model), model) for model in context.settings.models]


def check_allowed(context: Context, model: str) -> None:
    """Raise InputError unless the administrator allowed `model` at the start of the server."""
    if model not in context.settings.models:
        allowed = ", ".join(context.settings.models)
        raise InputError(
            f'The model "{model}" is not one of this server\'s models ({allowed}). '
            f"Choose one of these, or restart the server with --model {model}."
        )
