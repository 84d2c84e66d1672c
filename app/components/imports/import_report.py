"""What was understood of an import: counts, dropped rows, and the first rows as chat."""

from typing import Any

import gradio as gr

from app.components.markup import model_text, sentence
from app.services.data.prompts import Preview
from app.services.imports.importing import ImportReport
from app.wording.imports import dropped_rows, example_texts, import_summary, preview_note
from app.wording.text import escaped

NOTHING_YET = (
    "Prompts, pairs, or pairs with verdicts, in any of the usual formats: they are recognised. "
    "Files are jsonl, json, csv, tsv, parquet or Arrow, also packed as gz or zst."
)


class ImportReportView:
    """The sentence and the two folds under it; each method gives changes of the page."""

    def build(self) -> None:
        """Lay them out, with nothing understood yet."""
        self.line = sentence(NOTHING_YET, elem_id="prompts-report", elem_classes=["muted", "small"])
        self._note = sentence(elem_id="prompts-note", elem_classes=["muted", "small"])
        with gr.Accordion(
            "Show the dropped rows", open=False, visible=False, elem_id="prompts-dropped"
        ) as self._fold:
            self._dropped = sentence(elem_classes=["small"])
        with gr.Accordion(
            "First rows, as they were understood",
            open=False,
            visible=False,
            elem_id="prompts-examples",
        ) as self._examples_fold:
            self._examples = model_text()

    @property
    def widgets(self) -> list[Any]:
        """All that the methods change."""
        return [
            *(self.line, self._note, self._fold, self._dropped),
            *(self._examples_fold, self._examples),
        ]

    def says(self, text: str) -> dict[Any, Any]:
        """A sentence alone, as Markdown."""
        return {
            self.line: text,
            self._note: "",
            self._fold: gr.Accordion(visible=False),
            self._examples_fold: gr.Accordion(visible=False),
        }

    def problem(self, message: str) -> dict[Any, Any]:
        """Why nothing can be imported, which stays until it is solved."""
        return self.says(f"**{escaped(message)}**")

    def previewed(self, preview: Preview) -> dict[Any, Any]:
        """What the first rows hold, or why they cannot be used."""
        if preview.report is None:
            return self.problem(preview.problem)
        return {
            self.line: import_summary(preview.report),
            self._note: preview_note(preview),
            **self.dropped(preview.report),
            self._examples_fold: gr.Accordion(visible=bool(preview.report.examples)),
            self._examples: example_texts(preview.report.examples),
        }

    def dropped(self, report: ImportReport | None) -> dict[Any, Any]:
        """The fold with the numbers of the rows that cannot be used; hidden if there are none."""
        return {
            self._fold: gr.Accordion(visible=bool(report and report.dropped), open=False),
            self._dropped: dropped_rows(report) if report else "",
        }
