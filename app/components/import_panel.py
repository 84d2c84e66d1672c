"""The panel that brings prompts and pairs in: what was understood, mapping, progress, cancel."""

from pathlib import Path
from typing import Any

import gradio as gr

from app.components.markup import heading, model_text, own_markup, progress_bar, sentence
from app.errors import show_errors
from app.import_presentation import example_texts, import_line, preview_note
from app.presentation import dropped_rows, escaped, import_result, import_summary, plural
from app.security import current_user, require
from app.services import importing, prompts
from app.services.context import Context
from app.services.importing import ImportOptions, ImportSource

POLL_SECONDS = 0.5
NOTHING_YET = (
    "Prompts, pairs, or pairs with verdicts, in any of the usual formats: they are recognised."
)
ROLES = ("prompt", "chosen", "rejected")
AS_RECOGNISED = ""
PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


class ImportPanel:
    """The panel's widgets and its handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the panel out and connect it."""
        heading("Import prompts or pairs", "Pairs may come with verdicts or without them.")
        self._build_ways()
        self._report = sentence(
            NOTHING_YET, elem_id="prompts-report", elem_classes=["muted", "small"]
        )
        self._note = sentence(elem_id="prompts-note", elem_classes=["muted", "small"])
        with gr.Accordion("Show the dropped rows", open=False, visible=False) as fold:
            self._dropped = sentence(elem_classes=["small"])
        self._fold = fold
        with gr.Accordion(
            "First rows, as they were understood",
            open=False,
            visible=False,
            elem_id="prompts-examples",
        ) as examples_fold:
            self._examples = model_text()
        self._examples_fold = examples_fold
        self._build_options()
        self._build_actions()
        self.ended = gr.State(None)
        self._timer = gr.Timer(POLL_SECONDS, active=False)
        self._wire(page, tab)

    def _build_ways(self) -> None:
        with gr.Row(elem_classes=["import-ways"]):
            self._file = gr.File(
                label="Drop a file, or click",
                elem_id="prompts-file",
                file_types=[".jsonl", ".json", ".csv", ".tsv", ".parquet", ".arrow", ".gz", ".zst"],
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

    def _build_options(self) -> None:
        self._prompts_only = gr.Checkbox(
            False,
            label="Only the prompts",
            info="Leaves answers and verdicts out, so that the model makes new pairs.",
            elem_id="prompts-only",
        )
        with gr.Accordion(
            "Columns and names", open=False, visible=False, elem_id="prompts-mapping"
        ) as mapping:
            with gr.Row(elem_classes=["fields"]):
                self._columns = [
                    gr.Dropdown(
                        [("as recognised", AS_RECOGNISED)],
                        value=AS_RECOGNISED,
                        label=f"{role} is in",
                        elem_id=f"prompts-column-{role}",
                        min_width=110,
                    )
                    for role in ROLES
                ]
            with gr.Row(elem_classes=["fields"]):
                self._source = gr.Textbox(
                    label="Name of the source", elem_id="prompts-source", min_width=140
                )
                self._verdicts_by = gr.Textbox(
                    label="Verdicts are by",
                    placeholder="as the source",
                    elem_id="prompts-verdicts-by",
                    min_width=140,
                )
            self._every_pair = gr.Checkbox(
                False,
                label="Every pair of rated answers",
                info="Otherwise the best against the worst.",
                elem_id="prompts-every-pair",
            )
        self._mapping = mapping

    def _build_actions(self) -> None:
        with gr.Row(elem_classes=["actions"]):
            self._import = gr.Button("Import", elem_id="prompts-import", interactive=False)
            self._keep = gr.Button(
                "Cancel, keep what is in", elem_id="prompts-cancel-keep", visible=False
            )
            self._undo = gr.Button(
                "Cancel, take it back",
                variant="stop",
                elem_id="prompts-cancel-take-back",
                visible=False,
            )
        self._bar = own_markup("prompts-import-bar")

    def _wire(self, page: gr.Blocks, tab: gr.Tab) -> None:
        report = [
            self._report,
            self._note,
            self._fold,
            self._dropped,
            self._examples_fold,
            self._examples,
            self._import,
        ]
        mapping = [self._mapping, self._source, *self._columns]
        given = self._given()
        for event in (self._file.upload, self._file.clear):
            event(self.open_file, self._file, mapping, **PRIVATE).then(
                self.preview, given, report, **PRIVATE
            )
        for event in (
            self._prompts_only.input,
            self._every_pair.input,
            *(column.input for column in self._columns),
        ):
            event(self.preview, given, report, **PRIVATE)
        self._text.input(self.preview, given, report, trigger_mode="always_last", **PRIVATE)
        progress = [self._bar, self._report, self._keep, self._undo, self._timer, self.ended]
        self._import.click(
            self.take_in,
            given,
            [self._file, self._text, self._mapping, *report, *progress],
            **PRIVATE,
        )
        self._timer.tick(self.refresh, None, progress, **PRIVATE)
        for event in (page.load, tab.select):
            event(self.find_running, None, progress, **PRIVATE)
        self._keep.click(self.cancel_and_keep, None, progress, **PRIVATE)
        self._undo.click(self.cancel_and_take_back, None, progress, **PRIVATE)

    def _given(self) -> list[gr.components.Component]:
        """All that says what to import, and how to understand it."""
        options = [self._prompts_only, self._every_pair, self._source, self._verdicts_by]
        return [self._file, self._text, *options, *self._columns]

    @show_errors
    @require("admin")
    def open_file(self, path: str | None, request: gr.Request) -> dict[Any, Any]:
        """Offer the columns of a new file; without one, nothing is to be mapped."""
        names = prompts.column_names(Path(path)) if path else []
        choices = [("as recognised", AS_RECOGNISED), *((name, name) for name in names)]
        return {
            self._mapping: gr.Accordion(visible=bool(path)),
            self._source: Path(path).name if path else "",
            **{column: gr.Dropdown(choices, value=AS_RECOGNISED) for column in self._columns},
        }

    @show_errors
    @require("admin")
    def preview(
        self, request: gr.Request, path: str | None, text: str, *fields: Any
    ) -> dict[Any, Any]:
        """Say what was understood, before anything is written."""
        if not path:
            num_lines = sum(bool(line.strip()) for line in text.splitlines())
            found = f"{plural(num_lines, 'prompt')} pasted." if num_lines else NOTHING_YET
            return self._reported(found, can_import=bool(num_lines))
        preview = prompts.preview_file(Path(path), _options(path, fields))
        if preview.report is None:
            return self._reported(f"**{escaped(preview.problem)}**", can_import=False)
        return {
            **self._reported(import_summary(preview.report), can_import=True),
            self._note: preview_note(preview),
            self._fold: gr.Accordion(visible=bool(preview.report.dropped), open=False),
            self._dropped: dropped_rows(preview.report),
            self._examples_fold: gr.Accordion(visible=bool(preview.report.examples)),
            self._examples: example_texts(preview.report.examples),
        }

    @show_errors
    @require("admin")
    def take_in(
        self, request: gr.Request, path: str | None, text: str, *fields: Any
    ) -> dict[Any, Any]:
        """Begin to import the file, or import the pasted prompts if there is none."""
        user = current_user(request)
        cleared = {self._file: None, self._text: "", self._mapping: gr.Accordion(visible=False)}
        if path:
            importing.start_import(self._context, user, ImportSource(path), _options(path, fields))
            return {**cleared, **self._reported("", can_import=False), **self._progress()}
        report = prompts.import_text(self._context, user, text)
        done = self._reported(import_result(report), can_import=False)
        return {**cleared, **done, self.ended: f"pasted {report}"}

    def _reported(self, text: str, *, can_import: bool) -> dict[Any, Any]:
        return {
            self._report: text,
            self._note: "",
            self._fold: gr.Accordion(visible=False),
            self._examples_fold: gr.Accordion(visible=False),
            self._import: gr.Button(interactive=can_import),
        }

    @show_errors
    @require("admin")
    def refresh(self, request: gr.Request) -> dict[Any, Any]:
        """Say how far the import is."""
        return self._progress()

    @show_errors
    @require("annotator")
    def find_running(self, request: gr.Request) -> dict[Any, Any]:
        """Go on to show an import that runs, or that was taken back after a stop of the server."""
        view = importing.latest_import(self._context)
        if view is None or (view.status.has_ended and not view.error):
            return {self._timer: gr.Timer(active=False)}
        return self._progress()

    @show_errors
    @require("admin")
    def cancel_and_keep(self, request: gr.Request) -> dict[Any, Any]:
        """Stop the import; what it has stored stays."""
        return self._cancel(request, keep=True)

    @show_errors
    @require("admin")
    def cancel_and_take_back(self, request: gr.Request) -> dict[Any, Any]:
        """Stop the import, and delete what it has stored."""
        return self._cancel(request, keep=False)

    def _cancel(self, request: gr.Request, *, keep: bool) -> dict[Any, Any]:
        view = importing.latest_import(self._context)
        if view is not None:
            importing.cancel_import(self._context, current_user(request), view.id, keep=keep)
        return self._progress()

    def _progress(self) -> dict[Any, Any]:
        view = importing.latest_import(self._context)
        if view is None:
            return {self._timer: gr.Timer(active=False)}
        active, ended = not view.status.has_ended, view.status.has_ended
        can_cancel = active and view.status == "running" and view.stop is None
        return {
            self._bar: progress_bar("Rows read", round(100 * view.share), 100) if active else "",
            self._report: import_line(view),
            self._keep: gr.Button(visible=can_cancel),
            self._undo: gr.Button(visible=can_cancel),
            self._timer: gr.Timer(active=active),
            **({self.ended: view.id} if ended else {}),
        }


def _options(path: str, fields: Any) -> ImportOptions:
    prompts_only, every_pair, source, verdicts_by, *columns = fields
    return ImportOptions(
        source=(source or "").strip() or Path(path).name,
        verdicts_by=(verdicts_by or "").strip() or None,
        prompts_only=prompts_only,
        every_pair=every_pair,
        columns={name: role for name, role in zip(columns, ROLES, strict=True) if name},
    )
