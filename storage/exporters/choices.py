"""What is there to filter by: labellers, sources, tags and rounds."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.schema.tables import Labeller
from storage.search import distinct


@dataclass(frozen=True)
class FilterChoices:
    """Values that stored rows have, sorted, at most `distinct.MAX_VALUES` of each."""

    labellers: list[str]
    sources: list[str]
    tags: list[str]
    rounds: list[int]


def filter_choices(session: Session) -> FilterChoices:
    """List what a person can choose from."""
    names = select(Labeller.name).distinct().order_by(Labeller.name).limit(distinct.MAX_VALUES)
    return FilterChoices(
        labellers=list(session.scalars(names)),
        sources=distinct.sources(session),
        tags=distinct.tags(session),
        rounds=distinct.rounds(session),
    )
