"""The different values of a column with an index: one seek each, not a look at all rows."""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Text, func, literal_column, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.schema.tables import LATER_ROUND, Pair, Prompt

MAX_VALUES = 200
"""How many values of each kind are listed."""
MAX_TAG_LISTS = 2000
"""How many different lists of tags are looked at."""


def sources(session: Session) -> list[str]:
    """Return where prompts come from, sorted, at most MAX_VALUES."""
    return list(_values(session, Prompt.source, most=MAX_VALUES))


def tags(session: Session) -> list[str]:
    """Return the tags that prompts have, sorted, at most MAX_VALUES."""
    return sorted({tag for listed in _tag_lists(session) for tag in json.loads(listed)})[
        :MAX_VALUES
    ]


def tag_lists(session: Session, tag: str) -> list[str]:
    """Return the stored lists of tags, as JSON texts, that contain a tag."""
    return [listed for listed in _tag_lists(session) if tag in json.loads(listed)]


def tags_as_text() -> ColumnElement[str]:
    """Return the column of tags as the JSON text that is stored."""
    return type_coerce(Prompt.tags, Text)


def has_tags() -> ColumnElement[bool]:
    """Return the condition for a prompt with tags, as the index of tagged prompts has it."""
    return literal_column("prompts.tags <> '[]'")


def rounds(session: Session) -> list[int]:
    """Return the rounds that pairs are of, sorted, at most MAX_VALUES."""
    first = session.scalars(select(Pair.round).where(Pair.round == 0).limit(1))
    later: ColumnElement[bool] = literal_column(f"pairs.{LATER_ROUND}")  # as its index has it
    return [*first, *_values(session, Pair.round, later, most=MAX_VALUES)]


def _tag_lists(session: Session) -> Iterator[str]:
    return _values(session, tags_as_text(), has_tags(), most=MAX_TAG_LISTS)


def _values(
    session: Session,
    values: ColumnElement[Any] | InstrumentedAttribute[Any],
    *where: ColumnElement[bool],
    most: int,
) -> Iterator[Any]:
    smallest = select(func.min(values)).where(*where)
    value = session.scalar(smallest)
    for _ in range(most):
        if value is None:
            return
        yield value
        value = session.scalar(smallest.where(values > value))
