"""The choice of an adapter, as Train, Compare and Data offer it."""

from app.services.context import Context
from app.services.labels import comparing


def adapter_choices(
    context: Context, chosen: int | None
) -> tuple[list[tuple[str, int]], int | None]:
    """All adapters with their names, newest first, and `chosen`; the newest if that one is gone."""
    choices = [(choice.label, choice.id) for choice in comparing.list_choices(context)]
    known = [identity for _, identity in choices]
    return choices, chosen if chosen in known else next(iter(known), None)
