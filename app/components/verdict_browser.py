"""The panel that looks through verdicts: newest first, a row opens its pair with its history."""

from typing import Any

import gradio as gr

from app.browse_text import cells
from app.components.markup import heading, model_text, sentence
from app.errors import show_errors
from app.history_text import history_page
from app.presentation import plural
from app.security import require
from app.services import browsing
from app.services.context import Context

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
COLUMNS = ["Verdict", "Pair", "Decision", "Labeller", "Took", "When (UTC)", "State"]
WIDTHS = ["80px", "80px", "130px", "150px", "100px", "150px", "150px"]


class VerdictBrowser:
    """Widgets and handlers of the panel; withdrawing is for administrators."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the panel out."""
        heading("Verdicts", "All of them, also withdrawn ones. Choose a row to see its pair.")
        self._table = gr.Dataframe(
            headers=COLUMNS,
            column_widths=WIDTHS,
            datatype="str",
            interactive=False,
            elem_id="data-verdicts",
            show_label=False,
            buttons=[],
            max_height=360,
            type="array",
        )
        with gr.Row(elem_classes=["actions"]):
            self._newest = gr.Button("Newest", size="sm", elem_id="data-newest")
            self._older = gr.Button("Older", size="sm", elem_id="data-older")
        self._last = gr.State(None)
        self._chosen = gr.State(None)
        with gr.Column(visible=False, elem_classes=["pane"], elem_id="data-pair") as detail:
            self._facts = sentence(elem_id="data-history")
            with gr.Row(elem_classes=["actions"]):
                self._withdraw = gr.Button(
                    "Withdraw this verdict", size="sm", elem_id="data-withdraw"
                )
                self._withdraw_all = gr.Button(
                    "Withdraw all of this labeller",
                    size="sm",
                    variant="stop",
                    elem_id="data-withdraw-all",
                    elem_classes=["asks-withdraw-all"],
                )
                self._close = gr.Button("Close", size="sm")
            self._texts = model_text()
        self._detail = detail
        self._wire(page, tab)

    def _wire(self, page: gr.Blocks, tab: gr.Tab) -> None:
        table = [self._table, self._last, self._older]
        shown = [self._detail, self._facts, self._texts, self._chosen, self._withdraw]
        for event in (page.load, tab.select, self._newest.click):
            event(self.newest, None, table, **PRIVATE)
        self._older.click(self.older, self._last, table, **PRIVATE)
        self._table.select(self.open, None, shown, **PRIVATE)
        self._withdraw.click(self.withdraw, self._chosen, shown, **PRIVATE).success(
            self.newest, None, table, **PRIVATE
        )
        self._withdraw_all.click(self.withdraw_all, self._chosen, shown, **PRIVATE).success(
            self.newest, None, table, **PRIVATE
        )
        self._close.click(self.close, None, self._detail, **PRIVATE)

    @show_errors
    @require("annotator")
    def newest(self, request: gr.Request) -> dict[Any, Any]:
        """Show the first page."""
        return self._page(None)

    @show_errors
    @require("annotator")
    def older(self, last: int | None, request: gr.Request) -> dict[Any, Any]:
        """Show the page after the one that is shown."""
        return self._page(last)

    @show_errors
    @require("annotator")
    def open(self, event: gr.SelectData, request: gr.Request) -> dict[Any, Any]:
        """Show the pair of the chosen verdict with all that was decided on it."""
        return self._pair(int(event.row_value[1]), int(event.row_value[0]))

    @show_errors
    @require("admin")
    def withdraw(self, chosen: list[int], request: gr.Request) -> dict[Any, Any]:
        """Take the chosen verdict out of account; its pair goes back into the queue."""
        pair_id, preference_id = chosen
        browsing.withdraw_verdict(self._context, preference_id)
        return self._pair(pair_id, preference_id)

    @show_errors
    @require("admin")
    def withdraw_all(self, chosen: list[int], request: gr.Request) -> dict[Any, Any]:
        """Take everything that the chosen verdict's labeller has decided out of account."""
        pair_id, preference_id = chosen
        verdicts = browsing.history(self._context, pair_id).verdicts
        (labeller_id,) = (row.labeller_id for row in verdicts if row.id == preference_id)
        num = browsing.withdraw_labeller(self._context, labeller_id)
        gr.Info(f"{plural(num, 'verdict')} withdrawn. The pairs are open again.")
        return self._pair(pair_id, preference_id)

    @show_errors
    @require("annotator")
    def close(self, request: gr.Request) -> Any:
        """Hide the pair."""
        return gr.Column(visible=False)

    def _page(self, before: int | None) -> dict[Any, Any]:
        everything = browsing.read_filter("verdicts", "", {})
        page = browsing.page(self._context, "verdicts", everything, before=before)
        return {
            self._table: gr.Dataframe(value=cells(page)),
            self._last: page.last,
            self._older: gr.Button(interactive=page.last is not None),
        }

    def _pair(self, pair_id: int, preference_id: int) -> dict[Any, Any]:
        history = browsing.history(self._context, pair_id)
        facts, texts = history_page(history)
        counts = any(
            row.id == preference_id and row.withdrawn_at is None and row.superseded_by is None
            for row in history.verdicts
        )
        return {
            self._detail: gr.Column(visible=True),
            self._facts: facts,
            self._texts: texts,
            self._chosen: [pair_id, preference_id],
            self._withdraw: gr.Button(f"Withdraw verdict {preference_id}", interactive=counts),
        }
