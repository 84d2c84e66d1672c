"""What was found in the data, in words: how much, and rows as table cells. Pure."""

from typing import Any

from app.services.data.browsing import Page, Total
from app.wording.history import VERDICT_WORDS, verdict_state
from app.wording.text import escaped, plural, share_table, shortened
from storage.data.prompts import PromptRow
from storage.search.rows import JudgedRow, PairRow
from storage.search.text_statistics import DataNumbers


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
    return _pair_cells(row) if isinstance(row, PairRow) else _verdict_cells(row)


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


def _pair_cells(row: PairRow) -> list[Any]:
    return [
        row.id,
        shortened(row.prompt, 120),
        shortened(row.a, 80),
        shortened(row.b, 80),
        _decisions(row),
        row.source,
        row.round,
    ]


def _decisions(row: PairRow) -> str:
    said = [
        VERDICT_WORDS[verdict] + (f" ×{number}" if number > 1 else "")
        for verdict, number in row.verdicts.items()
    ]
    if row.is_open:
        said.append("waits for a verdict")
    return ", ".join(said) or "none"


def _verdict_cells(row: JudgedRow) -> list[Any]:
    verdict = row.verdict
    return [
        verdict.id,
        verdict.pair_id,
        shortened(row.prompt, 120),
        VERDICT_WORDS[verdict.verdict],
        verdict.labeller,
        f"{verdict.created_at:%Y-%m-%d %H:%M}",
        verdict_state(verdict),
    ]


def numbers_text(found: DataNumbers) -> str:
    """The statistics of the data as Markdown tables."""
    lengths = {
        "Prompts": found.prompts,
        "Chosen answers": found.chosen,
        "Rejected answers": found.rejected,
    }
    rows = [
        f"| {name} | {value.median:,} | {value.p95:,} | {value.longest:,} |"
        for name, value in lengths.items()
        if value is not None
    ]
    parts = [
        "\n".join(["| Characters | Median | 95 % below | Longest |", "|:--|--:|--:|--:|", *rows])
    ]
    if found.share_longer is not None:
        parts.append(
            f"The chosen answer is the longer one in {100 * found.share_longer:.0f} % of verdicts."
        )
    if found.is_sample:
        parts.append("Lengths are measured on a sample, drawn evenly; all else is counted.")
    parts.append(share_table("Verdict", {VERDICT_WORDS[v]: n for v, n in found.verdicts.items()}))
    parts.append(share_table("Prompts from", {escaped(name): n for name, n in found.sources}))
    parts.append(share_table("Pairs of round", {str(name): n for name, n in found.rounds.items()}))
    return "\n\n".join(part for part in parts if part)
