"""Numbers, times and other people's text as sentences of the screens need them. Pure.

Text that a person or a model wrote is escaped before it becomes part of a sentence; nothing here
makes markup from it.
"""

import re
from collections.abc import Mapping, Sequence

NOTHING = "–"
MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>$:])")


def plural(number: int, word: str) -> str:
    """The number with its word: "1 pair", "1,200 pairs"."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


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


def bullet_list(lines: Sequence[str]) -> str:
    """Lines as a list; the text of each stays text."""
    return "\n".join(f"- {escaped(line)}" for line in lines)


def share_table(head: str, numbers: Mapping[str, int]) -> str:
    """Numbers of a whole with their shares as a Markdown table; the names may hold Markdown."""
    total = sum(numbers.values())
    rows = [f"| {name} | {n:,} | {100 * n / total:.0f} % |" for name, n in numbers.items()]
    return "\n".join([f"| {head} | Number | Share |", "|:--|--:|--:|", *rows]) if rows else ""
