"""The one clock of the package: times are aware and in UTC."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present moment as an aware UTC time."""
    return datetime.now(UTC)
