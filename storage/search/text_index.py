"""The search index over prompts and pairs, which follows the tables in small steps.

All that is SQLite's own about searching is here and in migration 0005: two FTS5 tables without
the texts themselves. An id is in them with the grams of its text, and stays when its row is
deleted; the grams of a searched word may come from several words of a text. So what the index finds
is always looked at once more (`holds`), in the row itself.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    TableClause,
    and_,
    column,
    func,
    insert,
    literal_column,
    select,
    table,
)
from sqlalchemy.orm import Session, aliased

from storage.enums import Searched
from storage.schema.tables import Completion, Pair, Prompt, SearchProgress
from storage.search.text_grams import grams, search_for

ROWS_AT_ONCE = 1000
CHARACTERS_AT_ONCE = 100_000
"""The size of a step: with it, the write lock is held for some 20 to 60 ms."""
_GRAM_TABLES = {
    kind: table(f"{kind}_grams", column("rowid", Integer), column("grams")) for kind in Searched
}


def prepare(connection: sqlite3.Connection) -> None:
    """Teach a new connection to look at texts; for the database module."""
    connection.create_function("holds_words", 2, _holds_words, deterministic=True)


def _holds_words(search: str, text: str) -> bool:
    return search_for(search).holds(text)


def holds(kind: Searched, search: str) -> ColumnElement[bool]:
    """Return the condition that a row's text holds what is searched for.

    Signs alone, such as "?", are looked for as they were typed, by the database itself: no index
    helps there, and it is much quicker than Python.
    """
    if search_for(search).grams:
        return func.holds_words(search, _text(kind))
    return and_(*(func.instr(_text(kind), signs) > 0 for signs in search.split()))


@dataclass(frozen=True)
class IndexedIds:
    """What the index has for a search; some of it may be wrong, see `holds`."""

    query: Select[int]
    """The ids; quick in descending order, too."""
    id: ColumnElement[int]
    """The query's column."""
    table: TableClause


def found_ids(kind: Searched, search: str) -> IndexedIds | None:
    """Return what the index has for a search.

    None means that it cannot help: the search has neither letters nor digits.
    """
    wanted = sorted(search_for(search).grams)
    if not wanted:
        return None
    indexed = _GRAM_TABLES[kind]
    expression = " AND ".join(f'"{gram}"' for gram in wanted)
    # An FTS5 table has a hidden column of its own name to ask with.
    matches = literal_column(indexed.name).op("MATCH", is_comparison=True)(expression)
    return IndexedIds(select(indexed.c.rowid).where(matches), indexed.c.rowid, indexed)


def num_not_indexed(session: Session, kind: Searched) -> int:
    """Return how many rows the index does not have yet, gaps in the ids counted as rows."""
    newest = session.scalar(select(func.max(_model(kind).id))) or 0
    return max(0, newest - _indexed_to(session, kind))


def index_some(session: Session, kind: Searched) -> int:
    """Put the next rows into the index; return how many, 0 at the end.

    A step is one transaction with the note of how far the index is, so that it is exact after any
    kill.
    """
    model = _model(kind)
    query = (
        select(model.id, _text(kind))
        .where(model.id > _indexed_to(session, kind))
        .order_by(model.id)
        .limit(ROWS_AT_ONCE)
    )
    rows: list[dict[str, Any]] = []
    num_characters = 0
    for row_id, text in session.execute(query):
        rows.append({"rowid": row_id, "grams": " ".join(grams(text))})
        num_characters += len(text)
        if num_characters >= CHARACTERS_AT_ONCE:
            break
    if rows:
        session.execute(insert(_GRAM_TABLES[kind]), rows)
        session.get_one(SearchProgress, kind).indexed_to = rows[-1]["rowid"]
    return len(rows)


def _indexed_to(session: Session, kind: Searched) -> int:
    query = select(SearchProgress.indexed_to).where(SearchProgress.kind == kind)
    return session.scalar(query) or 0


def _model(kind: Searched) -> type[Prompt | Pair]:
    return Prompt if kind is Searched.PROMPTS else Pair


def _text(kind: Searched) -> ColumnElement[str]:
    """The text of a row as one expression; lines keep its parts apart."""
    if kind is Searched.PROMPTS:
        return Prompt.text.expression
    prompt, a, b = aliased(Prompt), aliased(Completion), aliased(Completion)
    return (
        select(prompt.text + "\n" + a.text + "\n" + b.text)
        .where(prompt.id == Pair.prompt_id, a.id == Pair.completion_a, b.id == Pair.completion_b)
        .correlate(Pair)
        .scalar_subquery()
    )
