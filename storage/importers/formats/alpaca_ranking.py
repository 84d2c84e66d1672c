"""LLaMA-Factory's alpaca ranking: an instruction, perhaps an input, and two answers.

The answers are chosen and rejected, or as in older files the two texts of output.
"""

from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import NOT_TEXT, Dropped, Parsed, checked_pair
from storage.importers.roles import turns_before

NAME = "alpaca ranking"
COLUMNS = frozenset({"instruction", "input", "chosen", "rejected", "output", "system", "history"})


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has an instruction and two plain answers."""
    return isinstance(row.get("instruction"), str) and len(_answers(row)) == 2


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the chosen answer as a."""
    instruction, given = row["instruction"], row.get("input")
    if not isinstance(given, str | None):
        return Dropped(NOT_TEXT)
    # An instruction may be left empty where the input says it all.
    query = "\n".join(part for part in (instruction, given) if part)
    chosen, rejected = _answers(row)
    return checked_pair(
        turns_before(system=row.get("system"), history=row.get("history"), query=query),
        chosen,
        rejected,
        verdict=Verdict.A,
    )


def _answers(row: Mapping[str, Any]) -> list[str]:
    sides = [row.get("chosen"), row.get("rejected")]
    if sides == [None, None] and isinstance(row.get("output"), list):
        sides = row["output"]
    return [side for side in sides if isinstance(side, str)]
