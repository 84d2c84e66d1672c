"""What a filter means in queries: a condition on each row, and the few rows that an index knows.

A condition is asked row by row, from the newest on; that is quick where many rows meet it. Where
few do, an index lists them.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.enums import BrowseKind, PairOrigin, Searched, Split, Verdict
from storage.labelling.verdicts import active, decided, is_comparison, is_undecisive
from storage.schema.tables import Claim, Labeller, Pair, Preference, Prompt
from storage.search import distinct, text_index
from storage.search.filters import BrowseFilter

Ids = Select[int]

FEW = 20_000
FEW_FOUND = 5000
"""Of a search: its ids take longer to count."""

COLUMNS: dict[BrowseKind, InstrumentedAttribute[int]] = {
    BrowseKind.PROMPTS: Prompt.id,
    BrowseKind.PAIRS: Pair.id,
    BrowseKind.VERDICTS: Preference.id,
}
"""What a row of each kind is found by, the newest by the largest."""


@dataclass(frozen=True)
class Restriction:
    """One thing that is wanted of a row."""

    where: ColumnElement[bool]
    """True for a row that meets it."""
    probe: Ids | None = None
    """What an index lists for it, quickly to be counted; None: no index does."""
    ids: Ids | None = None
    """The rows' own ids by way of the probe; None: the probe's."""
    most: int = FEW
    """Fewer ids than these are looked at one by one; more are not."""


def restrictions(session: Session, kind: BrowseKind, wanted: BrowseFilter) -> list[Restriction]:
    """Return all that a filter asks of the rows of a kind, but for the search."""
    found = [_of_prompt(kind, condition) for condition in _prompt_conditions(session, wanted)]
    if wanted.split is not None:
        # Half-way even over all prompts, so no index need list it.
        condition = Prompt.split == Split(wanted.split)
        found.append(Restriction(_on_prompt(kind, condition)))
    if wanted.round is not None:
        found.append(Restriction(_on_pair(kind, Pair.round == wanted.round)))
    if wanted.origin is not None:
        found.append(_of_origin(kind, PairOrigin(wanted.origin)))
    if wanted.verdict is not None:
        found.append(_of_verdict(Verdict(wanted.verdict)))
    if wanted.labeller is not None:
        labellers = select(Labeller.id).where(Labeller.name == wanted.labeller)
        given = Preference.labeller_id.in_(labellers)
        found.append(Restriction(given, select(Preference.id).where(given)))
    if wanted.state is not None:
        found.append(_STATES[kind, wanted.state])
    return found


def search_restriction(kind: BrowseKind, search: str) -> Restriction:
    """Return what a search asks of the rows of a kind.

    Prompts and pairs need no probe: the search index gives their ids in order.
    """
    if kind is BrowseKind.PROMPTS:
        return Restriction(text_index.holds(Searched.PROMPTS, search))
    where = _on_pair(kind, text_index.holds(Searched.PAIRS, search))
    indexed = text_index.found_ids(Searched.PAIRS, search)
    if kind is BrowseKind.PAIRS or indexed is None:
        return Restriction(where)
    ids = select(Preference.id).where(Preference.pair_id.in_(indexed.query))
    return Restriction(where, indexed.query, ids, most=FEW_FOUND)


def _prompt_conditions(session: Session, wanted: BrowseFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.source is not None:
        found.append(Prompt.source == wanted.source)
    if wanted.tag is not None:
        lists = distinct.tag_lists(session, wanted.tag)
        found.append(distinct.has_tags() & distinct.tags_as_text().in_(lists))
    return found


def _of_prompt(kind: BrowseKind, condition: ColumnElement[bool]) -> Restriction:
    prompts = select(Prompt.id).where(condition)
    pairs = select(Pair.id).where(Pair.prompt_id.in_(prompts))
    ids = {
        BrowseKind.PROMPTS: prompts,
        BrowseKind.PAIRS: pairs,
        BrowseKind.VERDICTS: select(Preference.id).where(Preference.pair_id.in_(pairs)),
    }
    return Restriction(_on_prompt(kind, condition), prompts, ids[kind])


def _of_origin(kind: BrowseKind, origin: PairOrigin) -> Restriction:
    where = _on_pair(kind, Pair.origin == origin)
    if origin is not PairOrigin.COMPARISON:
        return Restriction(where)
    pairs = select(Pair.id).where(is_comparison())
    verdicts = select(Preference.id).where(Preference.pair_id.in_(pairs))
    return Restriction(where, pairs, pairs if kind is BrowseKind.PAIRS else verdicts)


def _of_verdict(verdict: Verdict) -> Restriction:
    where = Preference.verdict == verdict
    if verdict in (Verdict.A, Verdict.B):
        return Restriction(where)
    return Restriction(where, select(Preference.id).where(is_undecisive(), where))


def _on_prompt(kind: BrowseKind, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    if kind is BrowseKind.PROMPTS:
        return condition
    return _on_pair(kind, exists().where(Prompt.id == Pair.prompt_id, condition))


def _on_pair(kind: BrowseKind, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    if kind is BrowseKind.PAIRS:
        return condition
    return exists().where(Pair.id == Preference.pair_id, condition)


def _of_pair(about: InstrumentedAttribute[int], *conditions: ColumnElement[bool]) -> Restriction:
    return Restriction(
        exists().where(about == Pair.id, *conditions), select(about).where(*conditions)
    )


def _of_preference(*conditions: ColumnElement[bool]) -> Restriction:
    where: Any = conditions[0] if len(conditions) == 1 else conditions[0] & conditions[1]
    return Restriction(where, select(Preference.id).where(*conditions))


_WITHDRAWN = Preference.withdrawn_at.is_not(None)
_HAS_PAIR = exists().where(Pair.prompt_id == Prompt.id)
_STATES = {
    (BrowseKind.PROMPTS, "with_pairs"): Restriction(_HAS_PAIR),
    (BrowseKind.PROMPTS, "without_pairs"): Restriction(~_HAS_PAIR),
    (BrowseKind.PAIRS, "open"): _of_pair(Claim.pair_id, Claim.preference_id.is_(None)),
    (BrowseKind.PAIRS, "decided"): _of_pair(Preference.pair_id, *decided()),
    (BrowseKind.PAIRS, "withdrawn"): _of_pair(
        Preference.pair_id, _WITHDRAWN, Preference.superseded_by.is_(None)
    ),
    (BrowseKind.VERDICTS, "counts"): Restriction(active()[0] & active()[1]),
    (BrowseKind.VERDICTS, "withdrawn"): _of_preference(
        _WITHDRAWN, Preference.superseded_by.is_(None)
    ),
    (BrowseKind.VERDICTS, "replaced"): _of_preference(
        _WITHDRAWN, Preference.superseded_by.is_not(None)
    ),
}
