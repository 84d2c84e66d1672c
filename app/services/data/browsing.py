"""Look through prompts, pairs and verdicts, and through all that was decided on one pair."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.services.context import Context
from storage.search import browse, filters as browse_filters, rows as browse_rows, text_statistics
from storage.labelling import history as pair_history
from storage.data import prompts
from storage.search.filters import BrowseFilter as BrowseFilter
from storage.search.rows import JudgedRow, PairRow
from storage.enums import BrowseKind
from storage.errors import InputError
from storage.labelling.history import PairHistory as PairHistory
from storage.data.prompts import PromptDetail, PromptRow
from storage.search.text_statistics import DataNumbers

PAGE_ROWS = 50

AnyRow = PromptRow | PairRow | JudgedRow


@dataclass(frozen=True)
class Page:
    """Rows that were found, the newest first."""

    kind: BrowseKind
    rows: list[AnyRow]
    last: int | None
    """What the next page begins after; None when this is the last one."""


@dataclass(frozen=True)
class Total:
    """How many rows there are to be found."""

    number: int
    is_exact: bool
    """False: there are more than `number`."""
    num_not_indexed: int
    """Rows that a search does not know yet; 0 without a search."""


def filter_names(kind: str) -> tuple[str, ...]:
    """The filters that rows of a kind have."""
    return browse_filters.FIELDS[_kind(kind)]


def states(kind: str) -> tuple[str, ...]:
    """The values of the filter `state` for a kind."""
    return browse_filters.STATES[_kind(kind)]


def read_filter(kind: str, search: str, filters: Mapping[str, Any]) -> BrowseFilter:
    """Check what a screen or a script asks for; raises InputError with all problems at once."""
    return BrowseFilter.from_dict(_kind(kind), search, filters)


def page(
    context: Context,
    kind: str,
    wanted: BrowseFilter,
    *,
    before: int | None = None,
    limit: int = PAGE_ROWS,
) -> Page:
    """A page of what is wanted; `before` is the `last` of the page that is shown."""
    with context.database.read_scope() as session:
        ids = browse.find(session, _kind(kind), wanted, before=before, limit=limit + 1)
        shown = ids[:limit]
        last = shown[-1] if len(ids) > limit else None
        return Page(_kind(kind), _rows(session, _kind(kind), shown), last)


def total(context: Context, kind: str, wanted: BrowseFilter) -> Total:
    """How many rows are wanted in all, and how many a search may have missed."""
    with context.database.read_scope() as session:
        number = browse.num_wanted(session, _kind(kind), wanted)
        missed = browse.num_not_indexed(session, _kind(kind)) if wanted.search else 0
        return Total(number.number, number.is_exact, missed)


def history(context: Context, pair_id: int) -> PairHistory:
    """A pair with every verdict that it ever had; raises NotFoundError."""
    with context.database.read_scope() as session:
        return pair_history.pair_history(session, pair_id)


def prompt(context: Context, prompt_id: int) -> tuple[PromptDetail, list[int]]:
    """A prompt with its answers, and its newest pairs; raises NotFoundError."""
    with context.database.read_scope() as session:
        pairs = browse_rows.pairs_of_prompt(session, prompt_id, limit=PAGE_ROWS)
        return prompts.prompt_detail(session, prompt_id), pairs


def numbers(context: Context) -> DataNumbers:
    """Lengths, verdicts, sources and rounds of all that is stored; slow with much data."""
    with context.database.read_scope() as session:
        return text_statistics.data_numbers(session)


def to_json(found: Page) -> list[dict[str, Any]]:
    """The rows as plain JSON, for scripts."""
    return [_row_json(row) for row in found.rows]


def _row_json(row: AnyRow) -> dict[str, Any]:
    if not isinstance(row, JudgedRow):
        return asdict(row)
    values = asdict(row.verdict)
    for name in ("created_at", "withdrawn_at"):
        values[name] = values[name] and values[name].isoformat()
    return {**values, "prompt": row.prompt}


def _rows(session: Session, kind: BrowseKind, ids: list[int]) -> list[AnyRow]:
    if kind is BrowseKind.PROMPTS:
        return [*prompts.prompt_rows(session, ids)]
    if kind is BrowseKind.PAIRS:
        return [*browse_rows.pair_rows(session, ids)]
    return [*browse_rows.judged_rows(session, ids)]


def _kind(kind: str) -> BrowseKind:
    if kind not in tuple(BrowseKind):
        raise InputError(
            f"There are no {kind!r:.60} to look through, only {', '.join(BrowseKind)}."
        )
    return BrowseKind(kind)
