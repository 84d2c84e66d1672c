"""What was found in the data, in words: how much, and rows as table cells. Pure."""

from typing import Any

from app.history_text import verdict_cells
from app.presentation import plural, shortened
from app.services.browsing import Page, Total
from storage.browse_rows import JudgedRow, PairRow
from storage.prompts import PromptRow


def found_sentence(kind: str, total: Total, *, num_shown: int) -> str:
    """How many rows of a kind there are, and what of them is not on the screen."""
    number = max(total.number, num_shown)
    found = plural(number, kind.removesuffix("s"))
    parts = [found if total.is_exact else f"more than {found}"]
    if num_shown < number or not total.is_exact:
        parts.append(f"the newest {num_shown} shown")
    if total.num_not_indexed:
        parts.append(f"{total.num_not_indexed:,} not searched yet: the index is being made")
    return " · ".join(parts)


def cells(page: Page) -> list[list[Any]]:
    """The rows of a page as table cells, each beginning with its number; plain text."""
    return [_row_cells(row) for row in page.rows]


def _row_cells(row: PromptRow | PairRow | JudgedRow) -> list[Any]:
    if isinstance(row, PromptRow):
        return _prompt_cells(row)
    return [] if isinstance(row, PairRow) else verdict_cells([row.verdict])[0]


def _prompt_cells(row: PromptRow) -> list[Any]:
    return [
        row.id,
        shortened(row.text),
        row.source,
        ", ".join(row.tags),
        row.num_pairs,
        row.num_labelled,
        "held out" if row.split == "heldout" else "train",
    ]
