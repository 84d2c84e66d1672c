"""Cells of PairTune's own csv table that no spreadsheet takes for a formula, and back. Pure."""

from collections.abc import Sequence

# By these first columns the table is known again.
COLUMNS = (
    "prompt", "answer_a", "answer_b", "winner", "model_a", "model_b",
    "pair_id", "split", "source", "tags", "origin", "round", "agreement",
)  # fmt: skip

_APOSTROPHE = "'"
_GUARDED = ("=", "+", "-", "@", "\t", "\r", _APOSTROPHE)


def guarded(cell: str) -> str:
    """The cell with an apostrophe before what begins like a formula or with an apostrophe."""
    return _APOSTROPHE + cell if cell.startswith(_GUARDED) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before `guarded`."""
    is_guarded = cell.startswith(_APOSTROPHE) and cell[1:].startswith(_GUARDED)
    return cell[1:] if is_guarded else cell


def has_guards(header: Sequence[str]) -> bool:
    """Whether a table with these column names is PairTune's own."""
    return tuple(header[: len(COLUMNS)]) == COLUMNS
