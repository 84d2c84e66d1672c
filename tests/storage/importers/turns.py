"""The turns and pairs that the importers' tests are about."""

from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import ImportedPair, Judgement

GOOD, BAD = [{"role": "assistant", "content": "good"}], [{"role": "assistant", "content": "bad"}]
ASKED = [{"role": "user", "content": "Q"}]
SYSTEM = {"role": "system", "content": "S"}
EARLIER = [{"role": "user", "content": "q1"}, {"role": "assistant", "content": "a1"}]


def pair(*before: Any, verdict: str | None = "a", **more: Any) -> ImportedPair:
    """Return the pair of "good" and "bad" to Q, after some messages."""
    judged = None if verdict is None else Verdict(verdict)
    return ImportedPair([*before, *ASKED], "good", "bad", judged, **more)


def annotated(verdict: str, *names: str) -> ImportedPair:
    """Return that pair with the same verdict by each annotator."""
    judgements = tuple(Judgement(Verdict(verdict), annotator=name) for name in names)
    return pair(verdict=verdict, annotations=judgements)
