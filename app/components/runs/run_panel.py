"""One run on the screen: state, curves, diagnosis, log, and what can be done with it."""

from typing import Any

import gradio as gr

from app.components.changes import Seen, only_changes
from app.components.download import Download
from app.components.events import ACTIVE, POLL_SECONDS, PRIVATE
from app.components.markup import own_markup, progress_bar, sentence, table
from app.components.runs.export_fold import ExportFold
from app.services.context import Context
from app.services.outputs import transfer
from app.services.running import runs
from app.services.running.runs import TRAINING_KINDS, RunRow, RunView
from app.web.errors import show_errors
from app.web.security import current_user, require
from app.wording.charts import charts_markup, training_charts
from app.wording.runs import run_cells, status_line
from app.wording.text import bullet_list, escaped, fenced

COLUMNS = ["Run", "State", "Recipe", "Pairs", "Accuracy", "Time", "Started by"]


class RunPanel:
    """The right half of the Train screen.

    `chosen` is the run that the person selected; None follows the newest one.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._exports = ExportFold(context)

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the panel out and keep it true while something runs."""
        self.chosen = gr.State(None)
        self.adapter_id = gr.State(None)
        self._run_id = gr.State(None)
        self._seen = gr.State({})
        with gr.Column(elem_classes=["pane", "empty"]) as empty:
            sentence(
                "### No training run yet.\n\nLabel some pairs, choose a recipe, and start one. "
                "Its curves appear here."
            )
            with gr.Row(elem_classes=["actions"]):
                gr.Button("Label pairs", elem_classes=["goto-label"])
        self._empty = empty
        with gr.Column(elem_classes=["pane"], visible=False) as panel:
            self._build_run()
        self._panel = panel
        self._table = table("train-runs", COLUMNS, max_height=320, visible=False)
        self._timer = gr.Timer(POLL_SECONDS, active=False)
        self._wire(page, tab)

    def _build_run(self) -> None:
        with gr.Row(elem_classes=["actions", "run-head"]):
            self._status = sentence(elem_id="train-status")
            self._stop = gr.Button(
                "Stop",
                variant="stop",
                size="sm",
                elem_id="train-stop",
                elem_classes=["asks-stop"],
                visible=False,
            )
            self._resume = gr.Button("Resume", size="sm", elem_id="train-resume", visible=False)
            self._compare = gr.Button(
                "Compare it with the base",
                size="sm",
                variant="primary",
                elem_id="train-compare",
                elem_classes=["goto-compare"],
                visible=False,
            )
            self._prepare = gr.Button(
                "Download adapter", size="sm", elem_id="train-download", visible=False
            )
            self._download = Download("train-download-file")
        self._bar = own_markup("train-bar")
        self._notice = sentence(elem_id="train-notice", elem_classes=["notice"])
        self._plot = own_markup("train-plot")
        self._diagnosis = sentence(elem_id="train-diagnosis")
        with gr.Accordion("Log", open=False, elem_id="train-log"):
            self._log = sentence(elem_classes=["log"])
        self._exports.build()

    def outputs(self) -> list[Any]:
        """Every widget that `changes` may update."""
        states = [self._seen, self.adapter_id, self._run_id, self._timer]
        buttons = [self._stop, self._resume, self._compare, self._prepare]
        texts = [self._status, self._bar, self._notice, self._plot, self._diagnosis, self._log]
        parts = [self._empty, self._panel, self._table]
        return [*states, *buttons, *texts, *parts, *self._exports.outputs()]

    def state(self) -> list[Any]:
        """What `changes` needs to know of this page."""
        return [self._seen, self.chosen]

    def compare_on(self, handler: Any, outputs: list[Any]) -> None:
        """Call `handler` with the shown run's adapter when it is to be compared."""
        self._compare.click(handler, self.adapter_id, outputs, **PRIVATE)

    def use_as_base_on(self, handler: Any, outputs: list[Any]) -> Any:
        """Call `handler` with the run whose full or merged model is to be trained next."""
        return self._exports.use_on(handler, outputs)

    def _wire(self, page: gr.Blocks, tab: gr.Tab) -> None:
        for event in (page.load, tab.select, self._timer.tick):
            event(self.refresh, self.state(), self.outputs(), **PRIVATE)
        self._table.select(self.choose, self._seen, [self.chosen, *self.outputs()], **PRIVATE)
        self._stop.click(self.stop, self.state(), self.outputs(), **PRIVATE)
        self._resume.click(self.resume, self.state(), self.outputs(), **PRIVATE)
        started = self._exports.wire(self._run_id, self.adapter_id)
        started.then(self.refresh, self.state(), self.outputs(), **PRIVATE)
        self._prepare.click(self.download, self.adapter_id, self._download.outputs(), **PRIVATE)

    @show_errors
    @require("annotator")
    def refresh(self, seen: Seen, chosen: int | None, request: gr.Request) -> dict[Any, Any]:
        """Whatever of the panel has changed."""
        return self.changes(seen, chosen)

    @show_errors
    @require("annotator")
    def choose(self, seen: Seen, event: gr.SelectData, request: gr.Request) -> dict[Any, Any]:
        """Show the run of the selected row."""
        run_id = int(event.row_value[0])
        return {self.chosen: run_id, **self.changes(seen, run_id)}

    @show_errors
    @require("admin")
    def stop(self, seen: Seen, chosen: int | None, request: gr.Request) -> dict[Any, Any]:
        """Ask the shown run to end; it saves its adapter first."""
        run_id = self._shown_id(chosen, self._rows())
        if run_id is not None:
            runs.stop_run(self._context, current_user(request), run_id)
        return self.changes(seen, chosen)

    @show_errors
    @require("admin")
    def resume(self, seen: Seen, chosen: int | None, request: gr.Request) -> dict[Any, Any]:
        """Let the shown run go on from its last checkpoint."""
        run_id = self._shown_id(chosen, self._rows())
        if run_id is not None:
            runs.resume_run(self._context, current_user(request), run_id)
        return self.changes(seen, chosen)

    @show_errors
    @require("admin")
    def download(self, adapter_id: int, request: gr.Request) -> dict[Any, Any]:
        """Pack the adapter of the shown run for the browser."""
        return self._download.offer(transfer.adapter_archive(self._context, adapter_id))

    def changes(self, seen: Seen, chosen: int | None) -> dict[Any, Any]:
        """Updates for what this page does not show yet."""
        rows = self._rows()
        run_id = self._shown_id(chosen, rows)
        updates: dict[Any, Any] = {
            self._empty: gr.Column(visible=run_id is None),
            self._panel: gr.Column(visible=run_id is not None),
            self._table: gr.Dataframe(value=run_cells(rows), visible=bool(rows)),
            self._timer: gr.Timer(active=any(row.status in ACTIVE for row in rows)),
        }
        if run_id is not None:
            view = runs.run_view(self._context, run_id)
            updates |= self._run_updates(view) | self._exports.updates(view)
            if self._exports.is_active(view.adapter_id):
                updates[self._timer] = gr.Timer(active=True)
        seen, changed = only_changes(seen, updates)
        return {self._seen: seen, **changed}

    def _rows(self) -> list[RunRow]:
        return runs.list_runs(self._context, kinds=TRAINING_KINDS)

    def _shown_id(self, chosen: int | None, rows: list[RunRow]) -> int | None:
        """The selected run; without one the run at work, else the newest."""
        if chosen is not None and any(row.id == chosen for row in rows):
            return chosen
        running = next((row.id for row in rows if row.status == "running"), None)
        return running or (rows[0].id if rows else None)

    def _run_updates(self, view: RunView) -> dict[Any, Any]:
        row = view.row
        active = row.status in ACTIVE
        has_adapter = view.adapter_id is not None
        return {
            self.adapter_id: view.adapter_id,
            self._run_id: row.id,
            self._status: status_line(view),
            self._bar: progress_bar("Steps done", view.step, view.num_steps) if active else "",
            self._stop: gr.Button(visible=active),
            self._resume: gr.Button(visible=view.can_resume),
            self._compare: gr.Button(visible=has_adapter and row.kind != "reward"),
            self._prepare: gr.Button(
                "Download model" if view.is_full_model else "Download adapter", visible=has_adapter
            ),
            self._notice: _notice(view),
            self._plot: charts_markup(training_charts(row.kind, view.curves)),
            self._diagnosis: bullet_list(view.diagnosis),
            self._log: fenced(view.log) if view.log.strip() else "The log is empty so far.",
        }


def _notice(view: RunView) -> str:
    """What went wrong or deserves a warning; empty when nothing does."""
    lines = [view.row.error] if view.row.error else []
    return "\n\n".join(escaped(line) for line in [*lines, *view.warnings])
