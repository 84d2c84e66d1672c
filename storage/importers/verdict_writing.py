"""Stores the verdicts that come with imported pairs, for the labellers that a file names."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import exists, insert, select, update
from sqlalchemy.orm import Session

from storage.enums import LabellerKind
from storage.importers.parsed import Judgement
from storage.tables import Claim, Labeller, Preference
from storage.verdicts import active

_T = TypeVar("_T")

_CHUNK = 500  # values in one IN list
_LONGEST_NAME = 200  # characters of a labeller's name


def store_verdicts(
    session: Session, judged: Mapping[int, tuple[Judgement, ...]], *, verdicts_by: str
) -> set[int]:
    """Store verdicts that their labellers have not given yet; return pairs that had them all.

    A pair that came with a verdict is closed for labelling.

    Args:
        session: a session that writes.
        judged: by id of the pair, the verdicts on it.
        verdicts_by: name of the labeller of verdicts without an annotator, and what the names of
            the annotators begin with.
    """
    names = {
        judgement.annotator: _labeller_name(verdicts_by, judgement.annotator)
        for judgements in judged.values()
        for judgement in judgements
    }
    labellers = _labeller_ids(session, set(names.values()))
    known = _known(session, judged)
    wanted = {
        (labellers[names[judgement.annotator]], pair_id): judgement
        for pair_id, judgements in judged.items()
        for judgement in reversed(judgements)  # so that an annotator's first verdict stays
    }
    rows = [_row(*key, judgement) for key, judgement in wanted.items() if key not in known]
    if rows:
        session.execute(insert(Preference), rows)
    _close_claims(session, set(labellers.values()))
    return set(judged) - {pair_id for _, pair_id in wanted.keys() - known}


def _row(labeller_id: int, pair_id: int, judgement: Judgement) -> dict[str, Any]:
    return {
        "submit_id": uuid.uuid4().hex,
        "pair_id": pair_id,
        "labeller_id": labeller_id,
        "verdict": judgement.verdict,
        "strength": judgement.strength,
        "rationale": judgement.rationale,
    }


def chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Cut values into lists that are short enough for one IN."""
    iterator = iter(values)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _labeller_name(verdicts_by: str, annotator: str | None) -> str:
    return (verdicts_by if annotator is None else f"{verdicts_by}: {annotator}")[:_LONGEST_NAME]


def _labeller_ids(session: Session, names: set[str]) -> dict[str, int]:
    """Return the ids of imported labellers by name; the missing ones are made."""
    found = _stored_labellers(session, names)
    missing = sorted(names - found.keys())
    if missing:
        rows = [{"kind": LabellerKind.IMPORTED, "name": name} for name in missing]
        session.execute(insert(Labeller), rows)
        found |= _stored_labellers(session, missing)
    return found


def _stored_labellers(session: Session, names: Iterable[str]) -> dict[str, int]:
    query = select(Labeller.name, Labeller.id).where(Labeller.kind == LabellerKind.IMPORTED)
    return {
        name: labeller_id
        for chunk in chunks(names)
        for name, labeller_id in session.execute(query.where(Labeller.name.in_(chunk)))
    }


def _known(session: Session, pair_ids: Iterable[int]) -> set[tuple[int, int]]:
    """Return which labeller has judged which of the pairs."""
    query = select(Preference.labeller_id, Preference.pair_id).where(*active())
    return {
        (labeller_id, pair_id)
        for chunk in chunks(pair_ids)
        for labeller_id, pair_id in session.execute(query.where(Preference.pair_id.in_(chunk)))
    }


def _close_claims(session: Session, labeller_ids: set[int]) -> None:
    for chunk in chunks(labeller_ids):
        first = (
            select(Preference.id)
            .where(
                Preference.labeller_id.in_(chunk), *active(), Preference.pair_id == Claim.pair_id
            )
            .order_by(Preference.id)
            .limit(1)
        )
        session.execute(
            update(Claim)
            .where(Claim.preference_id.is_(None), Claim.labeller_id.is_(None), exists(first))
            .values(preference_id=first.scalar_subquery()),
            execution_options={"synchronize_session": False},
        )
