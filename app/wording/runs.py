"""Runs in words: their state, how far they are, their table, and what a start would do. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.services.running.runs import RunRow, RunView
from app.services.tuning.recipes import RECIPES
from app.services.tuning.training import Preflight
from app.wording.text import NOTHING, duration, escaped, plural, time_left

STATUS_WORDS = {
    "queued": "waiting",
    "running": "running",
    "finished": "finished",
    "failed": "failed",
    "cancelled": "stopped",
}


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
    waits = row.status == "queued" and view.waiting_for
    state = escaped(view.waiting_for or "") if waits else STATUS_WORDS[row.status].capitalize()
    parts = [f"**Run {row.id}**", _recipe(row), state]
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
    return recipe.name if len(recipe.kinds) == 1 else f"{recipe.name}, {row.kind.upper()} half"


def percent_done(view: RunView) -> str:
    """How much of a run is done, "43 %", or its state while nothing is counted yet."""
    if view.step is None or not view.num_steps:
        return "starting"
    return f"{100 * view.step // view.num_steps} %"


def _step(view: RunView) -> str:
    if view.step is None or not view.num_steps:
        return "Preparing"
    return f"Step {view.step} of {view.num_steps} ({percent_done(view)})"


def run_cells(rows: Sequence[RunRow]) -> list[list[Any]]:
    """The table of runs; plain text, shown as it is."""
    return [
        [
            row.id,
            STATUS_WORDS[row.status],
            _recipe(row),
            NOTHING if row.num_pairs is None else str(row.num_pairs),
            NOTHING if row.accuracy is None else f"{100 * row.accuracy:.0f} %",
            # A running run's time would make the table a new one at every tick.
            NOTHING if row.status == "running" else duration(row.seconds),
            row.started_by or NOTHING,
        ]
        for row in rows
    ]


def generation_line(view: RunView, num_ready: int) -> str:
    """How far the making of pairs is, in words."""
    row = view.row
    if row.status == "queued":
        return f"Waiting. {escaped(view.waiting_for or '')}"
    if row.status == "running":
        if view.step is None or not view.num_steps:
            return "The model is being loaded …"
        left = time_left(view.eta_seconds)
        return f"{view.step} of {view.num_steps}" + (f" · {left}" if left else "")
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


def preflight_text(found: Preflight) -> str:
    """What the start would do, with warnings and what stands in the way."""
    lines = [" ".join(escaped(fact) for fact in found.facts)]
    lines += [f"- ⚠ {escaped(warning)}" for warning in found.warnings]
    lines += [f"- ✕ **{escaped(problem)}**" for problem in found.problems]
    return "\n\n".join([lines[0], "\n".join(lines[1:])]).strip()
