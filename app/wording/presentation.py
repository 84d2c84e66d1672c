"""Rows into words: sentences, Markdown and table cells for the screens.

Pure functions. Text that a person or a model wrote is escaped before it becomes part of a sentence;
nothing here makes markup from it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.services.labels.comparing import AdapterChoice
from app.services.labels.labelling import Progress
from app.services.labels.statistics import Overview
from app.services.running.runs import RunRow, RunView
from app.services.tuning.recipes import RECIPES
from app.services.tuning.training import Preflight
from storage.data.prompts import PromptDetail
from storage.enums import Verdict
from storage.importers import ImportReport
from storage.labelling.preferences import Counts
from storage.labelling.statistics import LabellerCounts, VerdictCounts
from trainer.evaluation.win_rate import WinRate

NOTHING = "–"
MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>$:])")
STATUS_WORDS = {
    "queued": "waiting",
    "running": "running",
    "finished": "finished",
    "failed": "failed",
    "cancelled": "stopped",
}
CHOICE_WORDS = {
    "left": "left is better",
    "right": "right is better",
    "tie": "a tie",
    "both_bad": "both bad",
    "skip": "skipped",
}


def plural(number: int, word: str) -> str:
    """The number with its word: "1 pair", "1,200 pairs"."""
    if number == 1:
        return f"1 {word}"
    return f"{number:,} {word}{'' if word.endswith('labelled') else 's'}"


def duration(seconds: float | None) -> str:
    """A length of time to the precision that a person plans by."""
    if seconds is None:
        return NOTHING
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def time_left(seconds: float | None) -> str:
    """A coarse "2 min left", or nothing when it is not known yet."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(1, round(seconds))} s left"
    if seconds < 5400:
        return f"{round(seconds / 60)} min left"
    return f"{seconds / 3600:.1f} h left"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no formatting, no markup, one line."""
    one_line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return MARKDOWN_SIGNS.sub(r"\\\1", one_line)


def shortened(text: str, length: int = 160) -> str:
    """The start of a text on one line."""
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= length else f"{one_line[: length - 1]}…"


def fenced(text: str) -> str:
    """The text as a code block that nothing inside it can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}plain\n{text}\n{fence}"


def answer_text(text: str, *, plain: bool) -> str:
    """An answer as Markdown, or letter for letter."""
    return fenced(text) if plain else text


def conversation(messages: Sequence[Mapping[str, str]], *, plain: bool = False) -> tuple[str, str]:
    """The turns as Markdown: (all before the last two, the last two).

    A conversation of one user turn has no role above it: it is just the prompt.
    """
    turns = [
        f"###### {message['role'].capitalize()}\n\n{answer_text(message['content'], plain=plain)}"
        for message in messages
    ]
    if len(messages) == 1:
        return "", answer_text(messages[0]["content"], plain=plain)
    return "\n\n".join(turns[:-2]), "\n\n".join(turns[-2:])


def counts_line(counts: Counts) -> str:
    """The project in one line, for the header."""
    parts = [
        plural(counts.num_prompts, "prompt"),
        plural(counts.num_pairs, "pair"),
        f"{counts.num_labelled:,} labelled",
        plural(counts.num_adapters, "adapter"),
    ]
    return " · ".join(parts)


def percent_done(view: RunView) -> str:
    """How much of a run is done, "43 %", or its state while nothing is counted yet."""
    if view.step is None or not view.num_steps:
        return "starting"
    return f"{100 * view.step // view.num_steps} %"


def run_link(view: RunView | None) -> str:
    """What runs now, for the header; empty when nothing does."""
    if view is None:
        return ""
    name = "Making pairs" if view.row.kind == "generate" else f"Training run {view.row.id}"
    parts = [name, percent_done(view), time_left(view.eta_seconds)]
    return " · ".join(part for part in parts if part)


def status_line(view: RunView) -> str:
    """A run's state as a sentence with its step and times."""
    row = view.row
    parts = [f"**Run {row.id}** · {_recipe(row)}"]
    waits = row.status == "queued" and view.waiting_for
    parts.append(
        escaped(view.waiting_for or "") if waits else STATUS_WORDS[row.status].capitalize()
    )
    if row.status == "running":
        parts.extend(part for part in (_step(view), time_left(view.eta_seconds)) if part)
    elif row.seconds is not None:
        parts.append(duration(row.seconds))
    if row.num_pairs:
        parts.append(plural(row.num_pairs, "pair"))
    return " · ".join(parts)


def _recipe(row: RunRow) -> str:
    recipe = RECIPES.get(row.recipe)
    if recipe is None:
        return "Pairs" if row.recipe == "generate" else row.recipe
    return recipe.name if len(recipe.kinds) == 1 else f"{recipe.name} ({row.kind.upper()} half)"


def _step(view: RunView) -> str:
    if view.step is None or not view.num_steps:
        return "Preparing"
    return f"Step {view.step} of {view.num_steps} ({percent_done(view)})"


def generation_line(view: RunView, num_ready: int) -> str:
    """How far the making of pairs is, in words."""
    row = view.row
    if row.status == "queued":
        return f"Waiting. {escaped(view.waiting_for or '')}"
    if row.status == "running":
        if view.step is None or not view.num_steps:
            return "The model is being loaded …"
        left = time_left(view.eta_seconds)
        return f"{view.step} of {view.num_steps}{f' · {left}' if left else ''}"
    if row.status == "failed":
        return f"Run {row.id} failed. {escaped(row.error or '')}"
    made = view.summary.get("pairs", view.step or 0)
    words = [f"{plural(int(made), 'pair')} made in {duration(row.seconds)}"]
    words += _dropped(view.summary)
    state = "" if row.status == "finished" else "Stopped. "
    return f"{state}{', '.join(words)}. {plural(num_ready, 'pair')} to label."


def _dropped(summary: Mapping[str, Any]) -> list[str]:
    words = {"identical": "identical", "empty": "empty", "cut_off": "cut off"}
    dropped = summary.get("dropped") or {}
    named = [f"{dropped[key]} {word}" for key, word in words.items() if dropped.get(key)]
    return [f"left out: {', '.join(named)}"] if named else []


def label_progress(progress: Progress, *, has_pair: bool) -> str:
    """The line above the pair: where one is, what is open, what was done by whom."""
    num_left = progress.num_open - 1
    left = f"{num_left:,} left" if num_left > 0 else "the last one"
    parts = [f"**Pair {progress.position}** · {left}"] if has_pair else []
    parts.append(f"you have labelled {progress.by_me_today} today, {progress.by_me} in all")
    if progress.by_all != progress.by_me:
        parts.append(f"everyone {progress.by_all}")
    return " · ".join(parts)


def nothing_to_label(progress: Progress) -> str:
    """What an empty queue means, and what to do next."""
    if progress.num_skipped:
        skipped = plural(progress.num_skipped, "pair")
        return f"### Only what you skipped is left: {skipped}.\n\nSee them again, or train."
    if progress.by_all:
        done = plural(progress.by_all, "pair")
        return f"### All {done} are labelled.\n\nTrain on them, or generate more."
    return (
        "### There is no pair to label yet.\n\n"
        "Let the model answer some prompts twice, or import pairs. They appear here on their own."
    )


def import_summary(report: ImportReport) -> str:
    """What was understood of a file, before anything is written."""
    parts = [
        f"**{escaped(report.format)}**",
        plural(report.num_rows, "row"),
        plural(report.num_prompts, "prompt"),
        plural(report.num_pairs, "pair"),
    ]
    if report.num_verdicts:
        parts.append(plural(report.num_verdicts, "verdict"))
    if report.num_ties:
        parts.append(plural(report.num_ties, "tie"))
    if report.num_unlabelled:
        parts.append(f"{report.num_unlabelled:,} to label")
    if report.num_existing:
        parts.append(f"{report.num_existing:,} stored before")
    if report.num_dropped:
        reasons = ", ".join(
            f"{number:,} {escaped(reason)}" for reason, number in report.dropped_counts.items()
        )
        parts.append(f"{report.num_dropped:,} dropped ({reasons})")
    return " · ".join(parts)


def dropped_rows(report: ImportReport) -> str:
    """Which rows were left out, by reason; the first twenty of each."""
    lines = []
    for reason, rows in report.dropped.items():
        shown = ", ".join(str(row) for row in rows[:20])
        num_more = report.dropped_counts[reason] - 20
        more = f" and {num_more:,} more" if num_more > 0 else ""
        lines.append(f"- {escaped(reason)}: rows {shown}{more}")
    return "\n".join(lines)


def run_cells(rows: Sequence[RunRow]) -> list[list[Any]]:
    """The table of runs; plain text, shown as it is."""
    return [
        [
            row.id,
            STATUS_WORDS[row.status],
            _recipe(row),
            NOTHING if row.num_pairs is None else str(row.num_pairs),
            NOTHING if row.accuracy is None else f"{row.accuracy:.0%}",
            # A running run's time would make the table a new one at every tick.
            NOTHING if row.status == "running" else duration(row.seconds),
            row.started_by or NOTHING,
        ]
        for row in rows
    ]


def preflight_text(found: Preflight) -> str:
    """What the start would do, with warnings and what stands in the way."""
    lines = [" ".join(escaped(fact) for fact in found.facts)]
    lines += [f"- ⚠ {escaped(warning)}" for warning in found.warnings]
    lines += [f"- ✕ **{escaped(problem)}**" for problem in found.problems]
    return "\n\n".join([lines[0], "\n".join(lines[1:])]).strip()


def bullet_list(lines: Sequence[str]) -> str:
    """Lines as a list; the text of each stays text."""
    return "\n".join(f"- {escaped(line)}" for line in lines)


def import_result(report: ImportReport) -> str:
    """What an import has stored."""
    counts = ((report.num_prompts, "prompt"), (report.num_pairs, "pair"))
    stored = " and ".join(plural(number, word) for number, word in counts if number)
    known = f" {report.num_existing:,} of them were stored before." if report.num_existing else ""
    return f"Imported {stored or 'nothing'}.{known}"


def prompt_page(detail: PromptDetail) -> tuple[str, str]:
    """One prompt with its answers as Markdown: (what it is, the texts)."""
    tags = f" · {escaped(', '.join(detail.tags))}" if detail.tags else ""
    split = "held out: it never trains" if detail.split == "heldout" else "may train"
    facts = f"**Prompt {detail.id}** · {escaped(detail.source)}{tags} · {split}"
    parts = [text for text in conversation(detail.messages) if text]
    for position, completion in enumerate(detail.completions, start=1):
        model = escaped(completion.model or "")
        verdicts = (
            f"chosen {completion.num_chosen}, rejected {completion.num_rejected}, "
            f"undecided {completion.num_undecided}"
        )
        about = " · ".join(part for part in (completion.origin, model, verdicts) if part)
        parts.append(f"---\n\n**Answer {position}** · {about}\n\n{completion.text}")
    return facts, "\n\n".join(parts)


def verdict_table(verdicts: Mapping[Verdict, int]) -> str:
    """How often each verdict was given, as a Markdown table."""
    words = {
        "a": "decided",
        "b": "decided",
        "tie": "tie",
        "both_bad": "both bad",
        "skip": "skipped",
    }
    counted: dict[str, int] = {}
    for verdict, number in verdicts.items():
        counted[words[verdict]] = counted.get(words[verdict], 0) + number
    total = sum(counted.values())
    rows = [
        f"| {word} | {number:,} | {100 * number / total:.0f} % |"
        for word, number in counted.items()
    ]
    return "\n".join(["| Verdict | Number | Share |", "|:--|--:|--:|", *rows])


def side_sentence(found: Overview) -> str:
    """Whether people prefer a side, as far as the numbers can tell."""
    if found.left_share is None or found.left_interval is None:
        return "Nobody has decided a pair yet."
    low, high = found.left_interval
    counts: VerdictCounts = found.counts
    judged = (
        "No habit can be told from chance."
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


def prompt_label(messages: Sequence[Mapping[str, str]]) -> str:
    """A conversation in a list of choices: the start of its last turn."""
    turns = sum(message["role"] == "user" for message in messages)
    label = shortened(messages[-1]["content"], 90)
    return label if turns == 1 else f"{label} (turn {turns})"
