"""Presets: training options that people keep under a name."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.errors import NotFoundError
from storage.schema.tables import Preset


def list_presets(session: Session) -> list[Preset]:
    """All presets by name."""
    return list(session.scalars(select(Preset).order_by(Preset.name)))


def find_preset(session: Session, name: str) -> Preset | None:
    """The preset of this name, or None."""
    return session.scalar(select(Preset).where(Preset.name == name))


def save_preset(session: Session, name: str, options: dict[str, Any], created_by: str) -> None:
    """Store a preset; one of the same name takes over the options."""
    stored = find_preset(session, name)
    if stored is None:
        session.add(Preset(name=name, options=options, created_by=created_by))
    else:
        stored.options = options
    session.flush()


def delete_preset(session: Session, name: str) -> None:
    """Delete a preset; runs that were started with it keep their options.

    Raises:
        NotFoundError: there is no such preset.
    """
    stored = find_preset(session, name)
    if stored is None:
        raise NotFoundError(f'There is no preset "{name}" any more. Nothing was deleted.')
    session.delete(stored)
    session.flush()
