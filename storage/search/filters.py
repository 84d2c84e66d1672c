"""What a person who looks through prompts, pairs or verdicts wants to see of them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from storage.enums import BrowseKind, PairOrigin, Split, Verdict
from storage.errors import InputError

MAX_CHARACTERS = 200
"""Of a search."""
PROMPT_FIELDS = ("source", "split", "tag")
PAIR_FIELDS = ("round", "origin")
FIELDS = {
    BrowseKind.PROMPTS: (*PROMPT_FIELDS, "state"),
    BrowseKind.PAIRS: (*PROMPT_FIELDS, *PAIR_FIELDS, "state"),
    BrowseKind.VERDICTS: (*PROMPT_FIELDS, *PAIR_FIELDS, "verdict", "labeller", "state"),
}
"""The filters of each kind."""
STATES = {
    BrowseKind.PROMPTS: ("with_pairs", "without_pairs"),
    BrowseKind.PAIRS: ("open", "decided", "withdrawn"),
    BrowseKind.VERDICTS: ("counts", "withdrawn", "replaced"),
}
"""Open pairs wait for a verdict; withdrawn ones have a verdict that was withdrawn."""


@dataclass(frozen=True)
class BrowseFilter:
    """What is looked for; everything by default. None leaves a matter open."""

    search: str = ""
    """Words that must all be in the text: of a prompt its last turn, of a pair also its answers."""
    source: str | None = None
    """Where the prompt comes from."""
    split: str | None = None
    """train or heldout."""
    tag: str | None = None
    """A tag that the prompt has."""
    round: int | None = None
    """The round of the pair."""
    origin: str | None = None
    """How the pair came about: generated, imported or comparison."""
    verdict: str | None = None
    """a, b, tie, both_bad or skip."""
    labeller: str | None = None
    """The name of who gave the verdict."""
    state: str | None = None
    """One of STATES."""

    @classmethod
    def from_dict(cls, kind: BrowseKind, search: str, given: Mapping[str, Any]) -> Self:
        """Read a filter of this kind from plain JSON values.

        Raises:
            InputError: a name is unknown here, or a value cannot be used; all problems at once.
        """
        known = FIELDS[kind]
        if unknown := [name for name in given if name not in known]:
            raise InputError(
                f"{kind.capitalize()} have no filter {', '.join(unknown)}. "
                f"Known are {', '.join(known)}."
            )
        wanted = cls(search=search.strip(), **given)
        if problems := wanted.problems(kind):
            raise InputError(" ".join(problems))
        return wanted

    @property
    def is_empty(self) -> bool:
        """Whether everything is wanted."""
        return self == type(self)()

    def problems(self, kind: BrowseKind) -> list[str]:
        """Return one sentence for each value that cannot be used, all at once."""
        allowed = {
            "split": tuple(Split),
            "origin": tuple(PairOrigin),
            "verdict": tuple(Verdict),
            "state": STATES[kind],
        }
        found = [
            f"The {name} cannot be {value!r:.60}: give one of {', '.join(values)}."
            for name, values in allowed.items()
            if (value := getattr(self, name)) is not None and value not in values
        ]
        found += [
            f"The {field.name} must be a {kind_of}, not {value!r:.60}."
            for field in fields(self)
            if (value := getattr(self, field.name)) is not None and field.name not in allowed
            for wanted, kind_of in [(int, "number") if field.name == "round" else (str, "text")]
            if type(value) is not wanted
        ]
        if len(self.search) > MAX_CHARACTERS:
            found.append(
                f"The search has {len(self.search)} characters; at most {MAX_CHARACTERS} are "
                "looked for. Give fewer words."
            )
        return found
