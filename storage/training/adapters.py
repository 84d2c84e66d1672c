"""Adapters: the weights that runs have made, LoRA's or a full model's, and where they come from.

A row with the same name stands for both: each answers beside its base, and rounds go on from it.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.enums import Holds
from storage.errors import InputError, NotFoundError
from storage.schema.tables import Adapter


@dataclass(frozen=True)
class NewAdapter:
    """An adapter that a run has saved; its fields are columns."""

    run_id: int
    folder: str
    """Relative to the data folder, such as "runs/0007-dpo/adapter", or ".../model"."""
    holds: Holds
    base_model: str
    manifest_hash: str
    """SHA-256 of its manifest."""
    parent_id: int | None = None
    """The adapter that the training started from."""


def add_adapter(session: Session, new: NewAdapter) -> Adapter:
    """Store an adapter; the same folder again only takes over its new manifest hash."""
    stored = session.scalar(select(Adapter).where(Adapter.folder == new.folder))
    if stored is not None:
        stored.manifest_hash = new.manifest_hash
        session.flush()
        return stored
    adapter = Adapter(**vars(new))
    session.add(adapter)
    session.flush()
    return adapter


def get_adapter(session: Session, adapter_id: int) -> Adapter:
    """Return one adapter.

    Raises:
        NotFoundError: there is no such adapter.
    """
    adapter = session.get(Adapter, adapter_id)
    if adapter is None:
        raise NotFoundError(f"Adapter {adapter_id} does not exist. Choose one from the list.")
    return adapter


def list_full_models(session: Session) -> list[Adapter]:
    """Return the full models that runs have trained, newest first."""
    query = select(Adapter).where(Adapter.holds == Holds.FULL_MODEL)
    return list(session.scalars(query.order_by(Adapter.id.desc())))


def get_tuned_adapter(session: Session, adapter_id: int) -> Adapter:
    """Return an adapter that answers, which a reward model does not.

    Raises:
        NotFoundError: there is no such adapter.
        InputError: it is a reward model, which scores answers and gives none.
    """
    adapter = get_adapter(session, adapter_id)
    if adapter.holds is Holds.REWARD_MODEL:
        raise InputError(
            f"Adapter {adapter_id} is a reward model: it scores answers and gives none. Choose an "
            "adapter of an SFT or DPO run."
        )
    return adapter


def list_tuned_adapters(session: Session) -> list[Adapter]:
    """Return all adapters that answer, newest first; reward models are left out."""
    query = select(Adapter).where(Adapter.holds != Holds.REWARD_MODEL)
    return list(session.scalars(query.order_by(Adapter.id.desc())))


def adapter_of_run(session: Session, run_id: int) -> Adapter | None:
    """Return the adapter that a run has saved, if it has."""
    return session.scalar(
        select(Adapter).where(Adapter.run_id == run_id).order_by(Adapter.id.desc()).limit(1)
    )


def adapter_in_folder(session: Session, folder: str) -> Adapter | None:
    """Return the adapter kept in a folder (relative to the data folder), if it is known."""
    return session.scalar(select(Adapter).where(Adapter.folder == folder))
