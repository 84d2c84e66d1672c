"""Imports into words: what was understood of a file, and how far or how an import has come."""

from collections.abc import Sequence

from app.services.data.prompts import Preview
from app.services.imports.importing import ImportReport, ImportView
from app.wording.conversations import conversation
from app.wording.text import escaped, fenced, plural
from storage.enums import ImportStatus
from storage.importers.parsed import ImportedPair, ImportedPrompt

VERDICTS = {
    "a": ("Chosen", "Rejected"),
    "b": ("Rejected", "Chosen"),
    "tie": ("Answer A, a tie", "Answer B, a tie"),
    "both_bad": ("Answer A, both are bad", "Answer B, both are bad"),
    None: ("Answer A, to be labelled", "Answer B, to be labelled"),
}


def import_summary(report: ImportReport) -> str:
    """What was understood of a file, before anything is written."""
    parts = [
        f"**{escaped(report.format)}**",
        plural(report.num_rows, "row"),
        plural(report.num_prompts, "prompt"),
        plural(report.num_pairs, "pair"),
    ]
    some = ((report.num_verdicts, "verdict"), (report.num_ties, "tie"))
    parts += [plural(number, word) for number, word in some if number]
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


def example_texts(examples: Sequence[ImportedPrompt | ImportedPair]) -> str:
    """The first rows as conversations, letter for letter."""
    return "\n\n---\n\n".join(_example(number, item) for number, item in enumerate(examples, 1))


def _example(number: int, item: ImportedPrompt | ImportedPair) -> str:
    parts = [f"**Row {number} as it was understood**"]
    parts += [part for part in conversation(item.messages, plain=True) if part]
    if isinstance(item, ImportedPair):
        for word, text in zip(VERDICTS[item.verdict], (item.text_a, item.text_b), strict=True):
            parts.append(f"###### {word}\n\n{fenced(text)}")
    return "\n\n".join(parts)


def preview_note(preview: Preview) -> str:
    """What a person should know of the preview beside its counts."""
    notes = []
    if not preview.is_whole:
        notes.append("Only the first rows were looked into; the counts are theirs.")
    report = preview.report
    if report and report.metadata_columns:
        names = ", ".join(report.metadata_columns[:12])
        notes.append(f"Kept beside them: {escaped(names)}.")
    if report and report.repetitive:
        notes.append(
            f"{plural(len(report.repetitive), 'row')} with an answer that repeats itself, kept."
        )
    return " ".join(notes)


def import_line(view: ImportView) -> str:
    """How far an import is, or how it has ended."""
    source = escaped(view.source)
    num_rows = view.report.num_rows if view.report else 0
    if view.status is ImportStatus.RUNNING:
        stopping = " · stopping" if view.stop else ""
        return f"Importing {source} · {plural(num_rows, 'row')} · {view.share:.0%}{stopping}"
    if view.status is ImportStatus.ROLLING_BACK:
        return f"Rolling back what {source} has brought in ..."
    if view.status is ImportStatus.ROLLED_BACK:
        reason = escaped(view.error) if view.error else "The import was cancelled."
        return f"{source}: nothing of it was kept. {reason}"
    result = import_result(view.report) if view.report else "Imported nothing."
    cancelled = " Cancelled: the rest was left out." if view.status is ImportStatus.KEPT else ""
    return f"{source}: {result}{cancelled}"


def import_result(report: ImportReport) -> str:
    """What an import has stored."""
    counts = ((report.num_prompts, "prompt"), (report.num_pairs, "pair"))
    stored = " and ".join(plural(number, word) for number, word in counts if number)
    known = f" {report.num_existing:,} of them were stored before." if report.num_existing else ""
    return f"Imported {stored or 'nothing'}.{known}"
