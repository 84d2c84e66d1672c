"""What was understood of a file, and what became of it."""

from dataclasses import asdict, dataclass, field
from typing import Any

from storage.importers.parsed import ImportedPair, ImportedPrompt


@dataclass(frozen=True)
class ImportReport:
    """The counts of one file. Row numbers start at 1 and count empty lines."""

    format: str
    """Name of the format, or several with commas between them."""
    num_rows: int
    """Rows that are not empty."""
    num_prompts: int
    """Prompts alone."""
    num_pairs: int
    """Pairs, with a verdict or without; a row may hold several, or only a part of one."""
    num_ties: int
    """Pairs whose verdict is a tie or both bad."""
    num_unlabelled: int
    """Pairs without a verdict: they wait for labelling."""
    dropped: dict[str, list[int]] = field(default_factory=dict)
    """The first row numbers by reason; a reason is the end of a sentence: "that are not JSON"."""
    dropped_counts: dict[str, int] = field(default_factory=dict)
    """How many rows were dropped, by reason."""
    examples: list[ImportedPrompt | ImportedPair] = field(default_factory=list)
    """The first rows, as they were understood."""
    num_existing: int = 0
    """Prompts and pairs that were stored before, and were not stored again."""
    num_verdicts: int = 0
    """Verdicts on the pairs; with several annotators a pair has several."""
    metadata_columns: list[str] = field(default_factory=list)
    """Columns that the formats do not read; they are kept with the prompts and pairs."""
    repetitive: list[int] = field(default_factory=list)
    """The first rows with an answer that says the same over and over; they are kept."""
    columns: list[str] = field(default_factory=list)
    """The columns of the first row that can be read, under the source's own names."""

    def as_json(self) -> dict[str, Any]:
        """Return all as plain JSON, and of the examples only their number."""
        return asdict(self) | {"examples": len(self.examples)}

    @property
    def num_dropped(self) -> int:
        """Rows that cannot be used."""
        return sum(self.dropped_counts.values())

    @property
    def summary(self) -> str:
        """One line for the screen: format, rows, what they hold, what was dropped and why."""
        judged = self.num_pairs - self.num_unlabelled
        parts = [self.format, _number(self.num_rows, "row")]
        if self.num_prompts:
            parts.append(_number(self.num_prompts, "prompt"))
        if judged:
            ties = f" ({_number(self.num_ties, 'tie')})" if self.num_ties else ""
            parts.append(f"{_number(judged, 'pair')} with {_plural(judged, 'verdict')}{ties}")
        if self.num_unlabelled:
            parts.append(f"{_number(self.num_unlabelled, 'pair')} to label")
        if self.num_existing:
            parts.append(f"{self.num_existing:,} here already")
        if self.dropped:
            reasons = ", ".join(f"{number:,} {why}" for why, number in self.dropped_counts.items())
            parts.append(f"{self.num_dropped:,} dropped ({reasons})")
        return " · ".join(parts)


def _number(number: int, noun: str) -> str:
    return f"{number:,} {_plural(number, noun)}"


def _plural(number: int, noun: str) -> str:
    return noun if number == 1 else f"{noun}s"
