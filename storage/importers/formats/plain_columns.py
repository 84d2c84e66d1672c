"""Flat rows of one question and two answers, under the names that many sets use.

Each line of the table is the columns of the prompt, of the chosen and of the rejected answer; a
system text and a history may stand beside them.
"""

from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import Dropped, ImportedTurn, Parsed, checked_pair, name_of
from storage.importers.roles import turns_before

NAME = "columns"

_SETS = (
    ("question", "chosen", "rejected"),  # Intel/orca_dpo_pairs
    ("input", "chosen", "rejected"),  # axolotl icr
    ("query", "chosen", "rejected"),
    ("instruction", "chosen_response", "rejected_response"),  # argilla
    ("prompt", "chosen_response", "rejected_response"),  # NeMo
    ("instruction", "chosen_response", "rejected_answer"),  # H2O
    ("prompt", "chosen_response", "rejected_answer"),
    ("prompt", "chosen_response", "rejected"),
    ("prompt", "text", "rejected_text"),  # AutoTrain
    ("input", "accepted", "rejected"),  # code preferences
    ("question", "response_j", "response_k"),  # stack-exchange-paired: j is better
    ("prompt", "winner", "loser"),  # Potato's export of an arena
)
_NEEDED = tuple(frozenset(names) for names in _SETS)
COLUMNS = frozenset(
    {name for names in _SETS for name in names} | {"system", "history", "parent_id"}
)


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has all three columns of a set as texts."""
    return _names(row) is not None


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the chosen answer as a."""
    prompt, chosen, rejected = _names(row) or _SETS[0]
    messages = turns_before(system=row.get("system"), history=row.get("history"), query=row[prompt])
    pair = checked_pair(messages, row[chosen], row[rejected], verdict=Verdict.A)
    if isinstance(pair, Dropped) or "id" not in row or "parent_id" not in row:
        return pair
    # H2O's conversations: a row may go on from the chosen answer of another.
    return ImportedTurn(name_of(row["id"]), name_of(row["parent_id"]), pair)


def _names(row: Mapping[str, Any]) -> tuple[str, str, str] | None:
    for names, needed in zip(_SETS, _NEEDED, strict=True):
        if needed <= row.keys() and all(isinstance(row[name], str) for name in names):
            return names
    return None
