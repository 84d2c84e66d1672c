"""The Prompts screen: bring prompts and pairs in, let the model make pairs, look through them."""

from pathlib import Path
from typing import Any

import gradio as gr

from app.components.generation import GenerationPanel
from app.components.markup import heading, model_text, sentence
from app.errors import KNOWN_ERRORS, show_errors
from app.presentation import (
    dropped_rows,
    escaped,
    import_result,
    import_summary,
    plural,
    prompt_cells,
    prompt_page,
)
from app.security import current_user, require
from app.services import prompts
from app.services.context import Context

COLUMNS = ["#", "Prompt", "Source", "Tags", "Pairs", "Labelled", "Split"]
WIDTHS = ["5%", "49%", "13%", "11%", "7%", "8%", "7%"]
MAX_ROWS = 200
NOTHING_YET = (
    "Prompts, pairs, or pairs with verdicts, in any of the usual formats: they are recognised."
)
PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


class PromptsTab:
    """The screen's widgets and its handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the screen out and connect it; the table is read when the tab is opened."""
        with gr.Row(elem_classes=["panels"]):
            with gr.Column(elem_classes=["pane"], min_width=320):
                self._build_import()
            with gr.Column(elem_classes=["pane"], min_width=320):
                generation = GenerationPanel(self._context)
                generation.build(page, tab)
        self._build_table()
        self._wire(page, tab)
        generation.when_pairs_change(self.search, self._search, [self._table, self._count])

    def _build_import(self) -> None:
        heading("Import prompts or pairs", "Pairs may come with verdicts or without them.")
        with gr.Row(elem_classes=["import-ways"]):
            self._file = gr.File(
                label="Drop a file, or click",
                elem_id="prompts-file",
                file_types=[".jsonl", ".json", ".csv", ".tsv", ".parquet", ".gz", ".zst"],
                height=118,
                min_width=200,
            )
            self._text = gr.Textbox(
                label="or paste, one prompt a line",
                elem_id="prompts-text",
                lines=4,
                max_lines=4,
                min_width=200,
            )
        self._report = sentence(
            NOTHING_YET,
            elem_id="prompts-report",
            elem_classes=["muted", "small"],
        )
        with gr.Accordion("Show the dropped rows", open=False, visible=False) as fold:
            self._dropped = sentence(elem_classes=["small"])
        self._fold = fold
        self._prompts_only = gr.Checkbox(
            False,
            label="Only the prompts",
            info="Leaves answers and verdicts out, so that the model makes new pairs.",
            elem_id="prompts-only",
        )
        with gr.Row(elem_classes=["actions"]):
            self._import = gr.Button("Import", elem_id="prompts-import", interactive=False)

    def _build_table(self) -> None:
        with gr.Row(elem_classes=["actions", "table-bar"]):
            self._count = sentence(elem_id="prompts-count", elem_classes=["muted"])
            self._search = gr.Textbox(
                elem_id="prompts-search",
                show_label=False,
                placeholder="Search prompts, sources, tags",
                container=False,
                max_lines=1,
            )
        self._table = gr.Dataframe(
            headers=COLUMNS,
            column_widths=WIDTHS,
            datatype="str",
            interactive=False,
            elem_id="prompts-table",
            show_label=False,
            buttons=[],
            max_height=440,
            type="array",
        )
        with gr.Column(visible=False, elem_classes=["pane"], elem_id="prompts-detail") as detail:
            with gr.Row(elem_classes=["actions"]):
                self._facts = sentence(elem_classes=["muted"])
                self._close = gr.Button("Close", size="sm")
            self._texts = model_text()
        self._detail = detail

    def _wire(self, page: gr.Blocks, tab: gr.Tab) -> None:
        table = [self._table, self._count]
        report = [self._report, self._fold, self._dropped, self._import]
        given = [self._file, self._text, self._prompts_only]
        for event in (self._file.upload, self._file.clear, self._prompts_only.input):
            event(self.preview, given, report, **PRIVATE)
        self._text.input(self.preview, given, report, trigger_mode="always_last", **PRIVATE)
        self._import.click(
            self.take_in,
            given,
            [self._file, self._text, *report],
            **PRIVATE,
        ).success(self.search, self._search, table, **PRIVATE)
        self._search.input(self.search, self._search, table, trigger_mode="always_last", **PRIVATE)
        for event in (page.load, tab.select):
            event(self.search, self._search, table, **PRIVATE)
        self._table.select(self.open, None, [self._detail, self._facts, self._texts], **PRIVATE)
        self._close.click(self.close, None, self._detail, **PRIVATE)

    @show_errors
    @require("admin")
    def preview(
        self, path: str | None, text: str, prompts_only: bool, request: gr.Request
    ) -> dict[Any, Any]:
        """Say what was understood, before anything is written."""
        if not path:
            num_lines = sum(bool(line.strip()) for line in text.splitlines())
            found = f"{plural(num_lines, 'prompt')} pasted." if num_lines else NOTHING_YET
            return self._reported(found, can_import=bool(num_lines))
        try:
            report = prompts.preview_file(Path(path), prompts_only=prompts_only)
        except KNOWN_ERRORS as error:
            return self._reported(f"**{escaped(str(error))}**", can_import=False)
        return self._reported(import_summary(report), dropped=dropped_rows(report), can_import=True)

    @show_errors
    @require("admin")
    def take_in(
        self, path: str | None, text: str, prompts_only: bool, request: gr.Request
    ) -> dict[Any, Any]:
        """Import the file, or the pasted prompts if there is none; all of it or nothing."""
        user = current_user(request)
        if path:
            file = Path(path)
            report = prompts.import_file(
                self._context, user, file, name=file.name, prompts_only=prompts_only
            )
        else:
            report = prompts.import_text(self._context, user, text)
        return {
            self._file: None,
            self._text: "",
            **self._reported(import_result(report), dropped=dropped_rows(report), can_import=False),
        }

    def _reported(self, text: str, *, dropped: str = "", can_import: bool) -> dict[Any, Any]:
        return {
            self._report: text,
            self._fold: gr.Accordion(visible=bool(dropped), open=False),
            self._dropped: dropped,
            self._import: gr.Button(interactive=can_import),
        }

    @show_errors
    @require("annotator")
    def search(self, text: str, request: gr.Request) -> dict[Any, Any]:
        """Fill the table with the prompts that match."""
        rows = prompts.search(self._context, text, limit=MAX_ROWS)
        total = prompts.num_found(self._context, text)
        shown = plural(total, "prompt") + (" found" if text.strip() else "")
        if not total and not text.strip():
            shown = "No prompts yet. Import some above."
        elif len(rows) < total:
            shown += f", the first {len(rows)} shown; search for others"
        return {
            self._table: gr.Dataframe(value=prompt_cells(rows), visible=bool(rows)),
            self._count: shown,
        }

    @show_errors
    @require("annotator")
    def open(self, event: gr.SelectData, request: gr.Request) -> dict[Any, Any]:
        """Show the chosen prompt with all its answers."""
        detail = prompts.prompt_detail(self._context, int(event.row_value[0]))
        facts, texts = prompt_page(detail)
        return {self._detail: gr.Column(visible=True), self._facts: facts, self._texts: texts}

    @show_errors
    @require("annotator")
    def close(self, request: gr.Request) -> Any:
        """Close the opened prompt."""
        return gr.Column(visible=False)
