"""Imports into words: what was understood of a file, and how far or how an import has come."""

from collections.abc import Sequence

from app.services.data.prompts import Preview
from app.services.imports.importing import ImportView
from app.wording.presentation import conversation, escaped, fenced, import_result, plural
from storage.enums import ImportStatus
from storage.importers import ImportedPair, ImportedPrompt

VERDICTS = {
    "a": ("Chosen", "Rejected"),
    "b": ("Rejected", "Chosen"),
    "tie": ("Answer A, a tie", "Answer B, a tie"),
    "both_bad": ("Answer A, both are bad", "Answer B, both are bad"),
    None: ("Answer A, to be labelled", "Answer B, to be labelled"),
}


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
