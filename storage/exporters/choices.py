"""What is there to filter by: labellers, sources, tags and rounds."""

from dataclasses import dataclass

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from storage.tables import Labeller, Pair, Prompt

MOST = 200
"""How many values of each are listed."""


@dataclass(frozen=True)
class FilterChoices:
    """Values that stored rows have, sorted, at most MOST of each."""

    labellers: list[str]
    sources: list[str]
    tags: list[str]
    rounds: list[int]


def filter_choices(session: Session) -> FilterChoices:
    """List what a person can choose from."""
    each = func.json_each(Prompt.tags).table_valued("value")
    tags = select(each.c.value).select_from(Prompt).join(each, true())
    values = {
        "labellers": select(Labeller.name),
        "sources": select(Prompt.source),
        "tags": tags,
        "rounds": select(Pair.round),
    }
    found = {
        name: list(
            session.scalars(query.distinct().order_by(query.selected_columns[0]).limit(MOST))
        )
        for name, query in values.items()
    }
    return FilterChoices(**found)
