"""Stores the verdicts that come with imported pairs, for the labellers that a file names."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from storage.clock import utc_now
from storage.enums import LabellerKind
from storage.importers.importing import ImportOptions
from storage.importers.parsed import Judgement
from storage.importing.inserting import insert_rows, new_ids, stored_time
from storage.labelling.verdicts import active, decided
from storage.schema.tables import Claim, Labeller, Preference

_T = TypeVar("_T")

_CHUNK = 500  # values in one IN list
_MAX_NAME_CHARACTERS = 200  # characters of a labeller's name


@dataclass(frozen=True)
class Marks:
    """What the rows of an import are marked with."""

    source: str
    """Name of the file or dataset, kept with each prompt."""
    verdicts_by: str
    """Name of the imported labeller; with annotators, what their names begin with."""
    import_id: int | None = None
    """The import in whose name the rows can be rolled back; None: they cannot."""

    @classmethod
    def of(cls, options: ImportOptions, import_id: int | None = None) -> "Marks":
        """Return the marks of what is read with these options."""
        return cls(options.source, options.verdicts_by or options.source, import_id)


def store_verdicts(
    session: Session,
    judged: Mapping[int, tuple[Judgement, ...]],
    *,
    new_pairs: set[int],
    marks: Marks,
) -> set[int]:
    """Store verdicts that their labellers have not given yet; return pairs that had them all.

    Each new pair gets its place in the labelling queue; with a verdict it is closed for labelling.

    Args:
        session: a session that writes.
        judged: by id of the pair, the verdicts on it; none for pairs to be labelled.
        new_pairs: ids of the pairs that are stored in this transaction.
        marks: what the rows are marked with.
    """
    names = {
        annotator: _labeller_name(marks.verdicts_by, annotator)
        for annotator in {j.annotator for judgements in judged.values() for j in judgements}
    }
    labellers = _labeller_ids(session, set(names.values()))
    known = _known(session, [pair_id for pair_id in judged if pair_id not in new_pairs])
    wanted = {
        (labellers[names[judgement.annotator]], pair_id): judgement
        for pair_id, judgements in judged.items()
        for judgement in reversed(judgements)  # so that an annotator's first verdict stays
    }
    new = {key: judgement for key, judgement in wanted.items() if key not in known}
    first_of_pair = _insert_verdicts(session, new, marks)
    claims = [(pair_id, first_of_pair.get(pair_id)) for pair_id in judged if pair_id in new_pairs]
    insert_rows(session, "claims", "pair_id, preference_id", claims)
    _close_claims(session, [pair_id for pair_id in first_of_pair if pair_id not in new_pairs])
    return set(judged) - {pair_id for _, pair_id in new}


def _insert_verdicts(
    session: Session, new: Mapping[tuple[int, int], Judgement], marks: Marks
) -> dict[int, int]:
    """Return the id of the first verdict by pair."""
    ids = new_ids(session, Preference, list(new))
    # Beginning alike, the names of a batch stand beside each other in their index.
    batch, now = uuid.uuid4().hex, stored_time(utc_now())
    rows = []
    first_of_pair: dict[int, int] = {}
    for number, ((labeller_id, pair_id), judgement) in enumerate(new.items()):
        row_id = ids[labeller_id, pair_id]
        first_of_pair.setdefault(pair_id, row_id)
        rows.append(
            (
                row_id,
                f"{batch}-{number}",
                pair_id,
                labeller_id,
                judgement.verdict.value,
                judgement.strength,
                judgement.rationale,
                marks.import_id,
                now,
            )
        )
    columns = "id, submit_id, pair_id, labeller_id, verdict, strength, rationale"
    insert_rows(session, "preferences", f"{columns}, import_id, created_at", rows)
    return first_of_pair


def chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Cut values into lists that are short enough for one IN."""
    iterator = iter(values)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _labeller_name(verdicts_by: str, annotator: str | None) -> str:
    return (verdicts_by if annotator is None else f"{verdicts_by}: {annotator}")[
        :_MAX_NAME_CHARACTERS
    ]


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


def _close_claims(session: Session, pair_ids: Iterable[int]) -> None:
    """Close the places of pairs that nobody holds, by their first verdict."""
    first = (
        select(Preference.id)
        .where(*decided(), Preference.pair_id == Claim.pair_id)
        .order_by(Preference.id)
        .limit(1)
        .scalar_subquery()
    )
    for chunk in chunks(pair_ids):
        session.execute(
            update(Claim)
            .where(
                Claim.pair_id.in_(chunk), Claim.preference_id.is_(None), Claim.labeller_id.is_(None)
            )
            .values(preference_id=first),
            execution_options={"synchronize_session": False},
        )
