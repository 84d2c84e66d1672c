"""The panel that brings prompts and pairs in: what was understood, mapping, progress, cancel."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.components.events import PRIVATE
from app.components.imports.dataset_picker import DatasetPicker
from app.components.imports.import_report import NOTHING_YET, ImportReportView
from app.components.markup import heading, own_markup, progress_bar
from app.services.context import Context
from app.services.data import prompts
from app.services.imports import importing
from app.services.imports.importing import ImportOptions, ImportSource, Part
from app.web.errors import show_errors
from app.web.security import current_user, require
from app.wording.imports import import_line, import_result
from app.wording.text import escaped, plural
from storage.errors import InputError

POLL_SECONDS = 0.5
ROLES = ("prompt", "chosen", "rejected")
AS_RECOGNISED = ("as recognised", "")


@dataclass(frozen=True)
class _Given:
    """The values of the panel's fields, in the order of `ImportPanel._given`."""

    path: str | None
    text: str
    name: str  # of a dataset, as it is typed
    subset: str | None
    split: str | None
    looked_up: str  # the name that was looked into last
    prompts_only: bool
    every_pair: bool
    source_name: str | None
    verdicts_by: str | None
    prompt_column: str
    chosen_column: str
    rejected_column: str

    @property
    def source(self) -> ImportSource | None:
        """An uploaded file, else a part of a dataset that was looked into, else nothing."""
        if self.path:
            return ImportSource(self.path)
        if self.name.strip() and self.name == self.looked_up:
            return ImportSource(self.name.strip(), Part(self.subset, self.split))
        return None

    def options(self, source: ImportSource) -> ImportOptions:
        """How the source is to be understood."""
        columns = (self.prompt_column, self.chosen_column, self.rejected_column)
        return ImportOptions(
            source=(self.source_name or "").strip() or source.name,
            verdicts_by=(self.verdicts_by or "").strip() or None,
            prompts_only=self.prompts_only,
            every_pair=self.every_pair,
            columns={name: role for name, role in zip(columns, ROLES, strict=True) if name},
        )


class ImportPanel:
    """The panel's widgets and its handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._picker = DatasetPicker()
        self._report = ImportReportView()

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the panel out and connect it."""
        heading("Import prompts or pairs", "Pairs may come with verdicts or without them.")
        self._build_ways()
        self._picker.build()
        self._report.build()
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
                        [AS_RECOGNISED],
                        value="",
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
            self._keep, self._roll_back = (
                gr.Button(text, variant=look, elem_id=f"prompts-cancel-{name}", visible=False)
                for text, look, name in (
                    ("Cancel, keep what is in", "secondary", "keep"),
                    ("Cancel, roll it back", "stop", "take-back"),
                )
            )
        self._bar = own_markup("prompts-import-bar")

    def _wire(self, page: gr.Blocks, tab: gr.Tab) -> None:
        report = [*self._report.widgets, self._import]
        mapping = [self._mapping, self._source, *self._columns]
        given = self._given()
        fields = [*self._picker.fields, *mapping, *report]
        for event in (self._file.upload, self._file.clear):
            event(self.open_file, given, fields, **PRIVATE)
        self._wire_dataset(given, [self._file, *fields], report)
        for choice in (self._prompts_only, self._every_pair, *self._columns):
            choice.input(self.preview, given, report, **PRIVATE)
        self._text.input(self.preview, given, report, trigger_mode="always_last", **PRIVATE)
        buttons = [self._keep, self._roll_back]
        progress = [self._bar, *self._report.widgets, *buttons, self._timer, self.ended]
        cleared = [self._file, self._text, self._mapping, *self._picker.fields]
        outputs = list(dict.fromkeys([*cleared, *report, *progress]))
        self._import.click(self.take_in, given, outputs, **PRIVATE)
        self._timer.tick(self.refresh, None, progress, **PRIVATE)
        for event in (page.load, tab.select):
            event(self.find_running, None, progress, **PRIVATE)
        for button, keeps in ((self._keep, True), (self._roll_back, False)):
            button.click(self.cancel, gr.State(keeps), progress, **PRIVATE)

    def _wire_dataset(self, given: list[Any], outputs: list[Any], report: list[Any]) -> None:
        picker = self._picker
        ways = (picker.name.submit, picker.look.click, picker.subset.input, picker.split.input)
        for event in ways:
            # Two events and no generator, whose last answer is sent twice: the second time it would
            # undo what a person has done meanwhile.
            event(self.say_looking, [picker.name], report, **PRIVATE).then(
                self.look_into, given, outputs, concurrency_id="hub", **PRIVATE
            )
        # Not `input`, which does not see what is pasted.
        picker.name.change(self.name_changed, given, outputs, trigger_mode="always_last", **PRIVATE)

    def _given(self) -> list[gr.components.Component]:
        """All that says what to import, and how to understand it."""
        options = [self._prompts_only, self._every_pair, self._source, self._verdicts_by]
        return [self._file, self._text, *self._picker.fields, *options, *self._columns]

    @show_errors
    @require("admin")
    def open_file(self, request: gr.Request, *values: Any) -> dict[Any, Any]:
        """Look into a new file, or forget one that was taken away."""
        given = _Given(*values)
        if not given.path:
            return {**self._mapping_of(None, []), **self._pasted(given.text)}
        return {**self._picker.emptied(), **self._opened(ImportSource(given.path), given)}

    @show_errors
    @require("admin")
    def say_looking(self, request: gr.Request, name: str) -> dict[Any, Any]:
        """Say at once that a dataset is looked into, which can take seconds."""
        return self._says(f"Looking into {escaped(name)} ...")

    @show_errors
    @require("admin")
    def look_into(self, request: gr.Request, *values: Any) -> dict[Any, Any]:
        """Look into a dataset, and offer its parts; what it holds is shown like a file."""
        given = _Given(*values)
        try:
            source, choices = self._picker.found(given.name, given.subset, given.split)
        except InputError as error:
            return {**self._report.problem(str(error)), **self._forgotten()}
        return {self._file: None, **choices, **self._opened(source, given)}

    @show_errors
    @require("admin")
    def name_changed(self, request: gr.Request, *values: Any) -> dict[Any, Any]:
        """Forget what was found under another name."""
        given = _Given(*values)
        if given.path or given.name == given.looked_up:  # the panel's own changes come here as well
            return gr.skip()
        if not given.name.strip():
            return {**self._forgotten(), **self._pasted(given.text)}
        return {**self._forgotten(), **self._says("Press Look into it, or Enter.")}

    @show_errors
    @require("admin")
    def preview(self, request: gr.Request, *values: Any) -> dict[Any, Any]:
        """Say again what was understood, after another choice of how to understand it."""
        given = _Given(*values)
        if given.source is None:
            return gr.skip() if given.name.strip() else self._pasted(given.text)
        return self._previewed(prompts.preview(given.source, given.options(given.source)))

    def _pasted(self, text: str) -> dict[Any, Any]:
        num_lines = sum(bool(line.strip()) for line in text.splitlines())
        found = f"{plural(num_lines, 'prompt')} pasted." if num_lines else NOTHING_YET
        return self._says(found, can_import=bool(num_lines))

    def _opened(self, source: ImportSource, given: _Given) -> dict[Any, Any]:
        """Show a source for the first time: under its own name, with its columns as they are."""
        options = ImportOptions(
            source.name, prompts_only=given.prompts_only, every_pair=given.every_pair
        )
        preview = prompts.preview(source, options)
        return {**self._mapping_of(source, preview.columns), **self._previewed(preview)}

    def _forgotten(self) -> dict[Any, Any]:
        return {**self._mapping_of(None, []), **self._picker.unknown()}

    def _mapping_of(self, source: ImportSource | None, columns: list[str]) -> dict[Any, Any]:
        choices = [AS_RECOGNISED, *((name, name) for name in columns)]
        return {
            self._mapping: gr.Accordion(visible=source is not None),
            self._source: source.name if source else "",
            **{column: gr.Dropdown(choices, value="") for column in self._columns},
        }

    def _previewed(self, preview: prompts.Preview) -> dict[Any, Any]:
        can_import = gr.Button(interactive=preview.report is not None)
        return {**self._report.previewed(preview), self._import: can_import}

    @show_errors
    @require("admin")
    def take_in(self, request: gr.Request, *values: Any) -> dict[Any, Any]:
        """Begin to import the file or dataset, or import the pasted prompts if there is none."""
        given, user = _Given(*values), current_user(request)
        cleared = {
            **{self._file: None, self._text: "", self._mapping: gr.Accordion(visible=False)},
            **self._picker.emptied(),
        }
        if source := given.source:
            importing.start_import(self._context, user, source, given.options(source))
            return {**cleared, **self._says(""), **self._progress()}
        if given.name.strip():
            raise InputError(f"{given.name} was not looked into yet. Press Look into it first.")
        report = prompts.import_text(self._context, user, given.text)
        done = self._says(import_result(report))
        return {**cleared, **done, self.ended: f"pasted {report}"}

    def _says(self, text: str, *, can_import: bool = False) -> dict[Any, Any]:
        return {**self._report.says(text), self._import: gr.Button(interactive=can_import)}

    @show_errors
    @require("admin")
    def refresh(self, request: gr.Request) -> dict[Any, Any]:
        """Say how far the import is."""
        return self._progress()

    @show_errors
    @require("annotator")
    def find_running(self, request: gr.Request) -> dict[Any, Any]:
        """Go on to show an import that runs, or that was rolled back after a stop of the server."""
        view = importing.latest_import(self._context)
        if view is None or (view.status.has_ended and not view.error):
            return {self._timer: gr.Timer(active=False)}
        return self._progress()

    @show_errors
    @require("admin")
    def cancel(self, keep: bool, request: gr.Request) -> dict[Any, Any]:
        """Stop the import; what it has stored stays, or is rolled back."""
        view = importing.latest_import(self._context)
        if view is not None:
            importing.cancel_import(self._context, current_user(request), view.id, keep=keep)
        return self._progress()

    def _progress(self) -> dict[Any, Any]:
        view = importing.latest_import(self._context)
        if view is None:
            return {self._timer: gr.Timer(active=False)}
        active = not view.status.has_ended
        can_cancel = active and view.status == "running" and view.stop is None
        return {
            self._bar: progress_bar("Rows read", round(100 * view.share), 100) if active else "",
            self._report.line: import_line(view),
            self._keep: gr.Button(visible=can_cancel),
            self._roll_back: gr.Button(visible=can_cancel),
            self._timer: gr.Timer(active=active),
            **({} if active else {self.ended: view.id, **self._report.dropped(view.report)}),
        }
