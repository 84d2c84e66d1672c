"""People as labellers: found again by user or name, and made when they judge first."""

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
    kind = LabellerKind.HUMAN
    stored = session.scalar(select(Labeller).where(Labeller.kind == kind, Labeller.name == name))
    if stored is not None:
        return stored
    labeller = Labeller(kind=kind, name=name, user_id=user_id)
    session.add(labeller)
    session.flush()
    return labeller
