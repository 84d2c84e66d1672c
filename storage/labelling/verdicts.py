"""The conditions that queries on verdicts share.

Constants stand in the SQL itself, not beside it: only so can SQLite use its partial indexes.
"""

from sqlalchemy import ColumnElement, literal, literal_column

from storage.enums import PairOrigin, Verdict
from storage.schema.tables import UNDECISIVE, Pair, Preference


def active() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for a preference that counts: neither withdrawn nor superseded."""
    return (Preference.withdrawn_at.is_(None), Preference.superseded_by.is_(None))


def decided() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for a preference that counts and says something about the pair."""
    skip = literal(Verdict.SKIP, Preference.verdict.type, literal_execute=True)
    return (*active(), Preference.verdict != skip)


def skipped() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for a skip that counts."""
    skip = literal(Verdict.SKIP, Preference.verdict.type, literal_execute=True)
    return (*active(), Preference.verdict == skip)


def is_undecisive() -> ColumnElement[bool]:
    """Return the condition for a verdict that chooses no answer, as its index has it."""
    return literal_column(f"preferences.{UNDECISIVE}")


def is_comparison() -> ColumnElement[bool]:
    """Return the condition for a pair of a base and a tuned answer."""
    return Pair.origin == literal(PairOrigin.COMPARISON, Pair.origin.type, literal_execute=True)
