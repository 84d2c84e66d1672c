"""summarize_from_feedback: a post, two summaries, and the number of the better one."""

from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import (
    NO_PROMPT,
    UNKNOWN_WINNER,
    Dropped,
    Judgement,
    Parsed,
    checked_pair,
    text_of,
)
from storage.importers.roles import content_of, is_messages
from storage.importers.verdict_codes import number_of

NAME = "summaries"
COLUMNS = frozenset({"summaries", "choice", "worker"})

_WINNERS = {0.0: Verdict.A, 1.0: Verdict.B}


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has what was summed up, and two summaries."""
    summaries = row.get("summaries")
    return isinstance(row.get("info"), Mapping) and is_messages(summaries) and len(summaries) == 2


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair with the worker's verdict; without a choice it waits for labelling."""
    post = text_of(row["info"], "post") or text_of(row["info"], "article")
    if post is None:
        return Dropped(NO_PROMPT)
    verdict = None
    if row.get("choice") is not None:
        choice = number_of(row["choice"])
        verdict = None if choice is None else _WINNERS.get(choice)
        if verdict is None:
            return Dropped(UNKNOWN_WINNER)
    worker = text_of(row, "worker")
    first, second = row["summaries"]
    return checked_pair(
        [{"role": "user", "content": post}],
        content_of(first),
        content_of(second),
        verdict=verdict,
        annotations=(Judgement(verdict, annotator=worker),) if verdict and worker else (),
    )
