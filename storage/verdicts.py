"""The two conditions on preferences that most queries share."""

from sqlalchemy import ColumnElement

from storage.enums import Verdict
from storage.tables import Preference


def active() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for a preference that counts: neither withdrawn nor superseded."""
    return (Preference.withdrawn_at.is_(None), Preference.superseded_by.is_(None))


def decided() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for a preference that counts and says something about the pair."""
    return (*active(), Preference.verdict != Verdict.SKIP)
