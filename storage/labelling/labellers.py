"""Labellers: found by kind and name, and made when they judge for the first time."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.enums import LabellerKind
from storage.schema.tables import Labeller


def human_labeller(session: Session, user_id: int | None, name: str) -> Labeller:
    """Return the labeller that stands for a person."""
    if user_id is not None:
        stored = session.scalar(select(Labeller).where(Labeller.user_id == user_id))
        if stored is not None:
            return stored
    return _labeller(session, LabellerKind.HUMAN, name, user_id)


def imported_labeller(session: Session, name: str) -> Labeller:
    """Return the labeller that stands for the unknown people behind an imported file."""
    return _labeller(session, LabellerKind.IMPORTED, name, None)


def _labeller(session: Session, kind: LabellerKind, name: str, user_id: int | None) -> Labeller:
    stored = session.scalar(select(Labeller).where(Labeller.kind == kind, Labeller.name == name))
    if stored is not None:
        return stored
    labeller = Labeller(kind=kind, name=name, user_id=user_id)
    session.add(labeller)
    session.flush()
    return labeller
