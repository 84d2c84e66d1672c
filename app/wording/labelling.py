"""What stands above the pair to label, and in its place when there is none. Pure."""

from app.services.labels.labelling import Progress
from app.wording.text import plural


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
