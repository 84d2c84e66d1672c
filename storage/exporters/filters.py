"""Says which verdicts and pairs an export takes, and whether a row is a pair or a verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self

from storage.enums import LabellerKind, PairOrigin, Split
from storage.errors import InputError

PAIRS, VERDICTS = "pairs", "verdicts"


@dataclass(frozen=True)
class ExportFilter:
    """What is exported; everything by default. An empty tuple or None leaves a matter open."""

    rows: str = PAIRS
    """"pairs": one row a pair, by consensus of the verdicts taken; "verdicts": one a verdict."""
    labeller_kinds: tuple[str, ...] = ()
    """Take verdicts of these kinds of labellers only."""
    labellers: tuple[str, ...] = ()
    """Take verdicts of labellers with these names only."""
    without_labellers: tuple[str, ...] = ()
    """Leave the verdicts of labellers with these names out."""
    since: str | None = None
    """First day of the verdicts taken, YYYY-MM-DD in UTC."""
    until: str | None = None
    """Last day of the verdicts taken, YYYY-MM-DD in UTC."""
    min_agreement: float = 0.0
    """Smallest share (0 to 1) of a pair's verdicts that must say what the pair's outcome is."""
    rounds: tuple[int, ...] = ()
    """Take pairs of these rounds only."""
    split: str | None = None
    """Take pairs of this split only: train or heldout."""
    origins: tuple[str, ...] = ()
    """Take pairs that came about in these ways only: generated, imported, comparison."""
    sources: tuple[str, ...] = ()
    """Take pairs whose prompts come from these sources only."""
    tags: tuple[str, ...] = ()
    """Take pairs whose prompts have at least one of these tags."""

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """Read a filter from plain JSON values; lists become tuples.

        Raises:
            InputError: a name is unknown, or a value cannot be used; all problems at once.
        """
        known = [field.name for field in fields(cls)]
        if unknown := [name for name in given if name not in known]:
            raise InputError(
                f"An export knows no filter {', '.join(unknown)}. Known are {', '.join(known)}."
            )
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in given.items()
        }
        wanted = cls(**values)
        if problems := wanted.problems():
            raise InputError(" ".join(problems))
        return wanted

    def problems(self) -> list[str]:
        """Return one sentence for each value that cannot be used, all at once."""
        if wrong := self._wrong_types():
            return wrong
        found = []
        if self.rows not in (PAIRS, VERDICTS):
            found.append(f"rows is {self.rows!r:.40}, but a row is one of pairs or verdicts.")
        if not 0 <= self.min_agreement <= 1:
            found.append(f"min_agreement is {self.min_agreement}: give a share from 0 to 1.")
        for name, kind, values in (
            ("labeller_kinds", LabellerKind, self.labeller_kinds),
            ("origins", PairOrigin, self.origins),
            ("split", Split, (self.split,) if self.split is not None else ()),
        ):
            if unknown := [value for value in values if value not in list(kind)]:
                found.append(
                    f"{name} cannot be {', '.join(map(str, unknown))!r:.60}: "
                    f"known are {', '.join(kind)}."
                )
        found += [_DAY.format(name, value) for name, value in self._days() if _day(value) is None]
        first, last = self.first_moment, self.end
        if not found and first and last and first >= last:
            found.append(f"since ({self.since}) is after until ({self.until}): no day is left.")
        return found

    @property
    def first_moment(self) -> datetime | None:
        """Start of the first day."""
        return _day(self.since)

    @property
    def end(self) -> datetime | None:
        """Start of the day after the last one."""
        last = _day(self.until)
        return None if last is None else last + timedelta(days=1)

    def _days(self) -> list[tuple[str, str]]:
        days = (("since", self.since), ("until", self.until))
        return [(name, value) for name, value in days if value is not None]

    def _wrong_types(self) -> list[str]:
        lists: dict[str, tuple[type, str]] = dict.fromkeys(
            ("labeller_kinds", "labellers", "without_labellers", "origins", "sources", "tags"),
            (str, "texts"),
        ) | {"rounds": (int, "whole numbers")}
        found = [
            f"{name} must be a list of {words}."
            for name, (kind, words) in lists.items()
            if not isinstance(getattr(self, name), tuple)
            or any(type(item) is not kind for item in getattr(self, name))
        ]
        found += [
            f"{name} must be a text."
            for name in ("rows", "split", "since", "until")
            if not isinstance(getattr(self, name), str | None)
        ]
        if type(self.min_agreement) not in (int, float):
            found.append("min_agreement must be a number.")
        return found


_DAY = "{} is {!r:.40}, which is no day. Write it as YYYY-MM-DD."


def _day(text: str | None) -> datetime | None:
    """Return the start of a day that exists and has a day after it."""
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return None if day == date.max else datetime.combine(day, time(), UTC)
