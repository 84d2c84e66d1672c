"""Looks through prompts, pairs and verdicts: the newest first, page by page, at any size.

Pages go by ids, not by positions: what is stored meanwhile moves no row to another page.
"""

from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from storage.enums import BrowseKind, Searched, TallyKind
from storage.errors import InputError
from storage.search import tallies, text_index
from storage.search.conditions import COLUMNS, Ids, Restriction, restrictions, search_restriction
from storage.search.filters import BrowseFilter
from storage.search.time_limits import OutOfTimeError, time_limit

MAX_COUNTED = 10_000
"""More rows than these are not counted one by one."""
_SECONDS_TO_FIND = 10.0
_SECONDS_TO_COUNT = 0.1


@dataclass(frozen=True)
class Number:
    """How many rows there are."""

    number: int
    is_exact: bool
    """False: there are more than `number`."""


def find(
    session: Session,
    kind: BrowseKind,
    wanted: BrowseFilter,
    *,
    before: int | None = None,
    limit: int = 50,
) -> list[int]:
    """Return ids of rows that are wanted, the newest first.

    Args:
        session: a session that reads.
        kind: what is looked through.
        wanted: what is looked for.
        before: the id of the last row that was seen already.
        limit: how many at most.

    Raises:
        InputError: finding them takes too long.
    """
    query = ids_wanted(session, kind, wanted)
    if before is not None:
        query = query.where(query.selected_columns[0] < before)
    try:
        with time_limit(session, _SECONDS_TO_FIND):
            return list(session.scalars(query.limit(limit)))
    except OutOfTimeError:
        raise InputError(
            f"Looking for this took more than {_SECONDS_TO_FIND:.0f} seconds and was stopped. "
            "Search for longer or rarer words, or choose fewer filters."
        ) from None


def num_wanted(session: Session, kind: BrowseKind, wanted: BrowseFilter) -> Number:
    """Count the rows that are wanted: up to MAX_COUNTED, and no longer than a blink."""
    if wanted.is_empty:
        return Number(tallies.numbers(session)[TallyKind(kind.value)], is_exact=True)
    try:
        with time_limit(session, _SECONDS_TO_COUNT):
            query = ids_wanted(session, kind, wanted)
            number = _num_up_to(session, query, MAX_COUNTED + 1)
    except OutOfTimeError:
        return Number(0, is_exact=False)
    return Number(min(number, MAX_COUNTED), is_exact=number <= MAX_COUNTED)


def num_in_all(session: Session, kind: BrowseKind, wanted: BrowseFilter) -> int:
    """Count all rows that are wanted, however many there are."""
    query = ids_wanted(session, kind, wanted).order_by(None)
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0


def num_not_indexed(session: Session, kind: BrowseKind) -> int:
    """Return how many texts a search does not know yet."""
    searched = Searched.PROMPTS if kind is BrowseKind.PROMPTS else Searched.PAIRS
    return text_index.num_not_indexed(session, searched)


def ids_wanted(session: Session, kind: BrowseKind, wanted: BrowseFilter) -> Ids:
    """Return the query of the ids of all rows that are wanted, the newest first."""
    asked = restrictions(session, kind, wanted)
    indexed = None
    if wanted.search:
        asked.append(search_restriction(kind, wanted.search))
        if kind is not BrowseKind.VERDICTS:
            indexed = text_index.found_ids(Searched(kind.value), wanted.search)
    column = COLUMNS[kind]
    where = [restriction.where for restriction in asked]
    if (few := _listed(session, asked)) is not None:
        return select(column).where(column.in_(few), *where).order_by(column.desc())
    if indexed is not None:
        meets = exists().where(column == indexed.id, *where).correlate(indexed.table)
        return indexed.query.where(meets).order_by(indexed.id.desc())
    return select(column).where(*where).order_by(column.desc())


def _listed(session: Session, asked: list[Restriction]) -> Ids | None:
    """Return the ids that an index lists for the first restriction that few rows meet."""
    for restriction in asked:
        probe, most = restriction.probe, restriction.most
        if probe is not None and _num_up_to(session, probe, most) < most:
            return probe if restriction.ids is None else restriction.ids
    return None


def _num_up_to(session: Session, query: Ids, most: int) -> int:
    return session.scalar(select(func.count()).select_from(query.limit(most).subquery())) or 0
