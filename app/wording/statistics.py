"""Counts of the project, verdicts, sides, labellers and win rates in words and tables. Pure."""

from collections.abc import Mapping, Sequence

from app.services.labels.comparing import AdapterChoice
from app.services.labels.statistics import Overview
from app.wording.history import VERDICT_WORDS
from app.wording.text import NOTHING, escaped, plural, share_table
from storage.enums import Verdict
from storage.labelling.preferences import Counts
from storage.labelling.statistics import LabellerCounts
from trainer.evaluation.win_rate import WinRate


def counts_line(counts: Counts) -> str:
    """The project in one line, for the header."""
    parts = [
        plural(counts.num_prompts, "prompt"),
        plural(counts.num_pairs, "pair"),
        f"{counts.num_labelled:,} labelled",
        plural(counts.num_adapters, "adapter"),
    ]
    return " · ".join(parts)


def verdict_table(verdicts: Mapping[Verdict, int]) -> str:
    """How often each verdict was given, as a Markdown table; which side won does not matter."""
    counted: dict[str, int] = {}
    for verdict, number in verdicts.items():
        word = "decided" if verdict in ("a", "b") else VERDICT_WORDS[verdict]
        counted[word] = counted.get(word, 0) + number
    return share_table("Verdict", counted)


def side_sentence(found: Overview) -> str:
    """Whether people prefer a side, as far as the numbers can tell."""
    if found.left_share is None or found.left_interval is None:
        return "Nobody has decided a pair yet."
    low, high = found.left_interval
    counts = found.counts
    judged = (
        "That is within what chance explains."
        if low <= 0.5 <= high
        else "That is more than chance explains: remind the annotators to read both."
    )
    return (
        f"**{counts.num_left} of {counts.num_decisive} decisions for the left answer** "
        f"({100 * found.left_share:.0f} %, {100 * low:.0f}–{100 * high:.0f} %). {judged}"
    )


def labeller_table(labellers: Sequence[LabellerCounts]) -> str:
    """Who has labelled how much, as a Markdown table."""
    if not labellers:
        return "Nobody has labelled yet."
    rows = [
        f"| {escaped(row.name)} | {row.kind.replace('_', ' ')} | {row.num_verdicts:,} "
        f"| {NOTHING if row.median_seconds is None else f'{row.median_seconds:.1f} s'} |"
        for row in labellers
    ]
    head = ["| Name | Kind | Verdicts | Median time |", "|:--|:--|--:|--:|"]
    return "\n".join([*head, *rows])


def win_rate_table(rates: Sequence[tuple[AdapterChoice, WinRate]]) -> str:
    """The win rate of every adapter, as a Markdown table."""
    if not rates:
        return "No adapter yet."
    rows = [f"| {escaped(choice.label)} | {escaped(rate.sentence)} |" for choice, rate in rates]
    return "\n".join(["| Adapter | Votes |", "|:--|:--|", *rows])
