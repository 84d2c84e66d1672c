"""The panel that looks through all that is stored: prompts, pairs and verdicts, newest first."""

from typing import Any

import gradio as gr

from app.components.events import PRIVATE
from app.wording.browsing import cells, found_sentence, numbers_text
from app.components.data.browse_fields import BrowseFields
from app.components.markup import heading, sentence, table
from app.components.data.row_detail import RowDetail
from app.components.data.tag_all import TagAll
from app.web.errors import show_errors
from app.web.security import require
from app.services.data import browsing
from app.services.context import Context

COLUMNS = {
    "prompts": ["#", "Prompt", "Source", "Tags", "Pairs", "Labelled", "Split"],
    "pairs": ["#", "Prompt", "Answer A", "Answer B", "Verdicts", "Source", "Round"],
    "verdicts": ["#", "Pair", "Prompt", "Decision", "Labeller", "When (UTC)", "State"],
}
WIDTHS = {
    "prompts": ["90px", "600px", "180px", "180px", "80px", "100px", "100px"],
    "pairs": ["90px", "370px", "240px", "240px", "180px", "140px", "80px"],
    "verdicts": ["90px", "90px", "480px", "140px", "180px", "160px", "190px"],
}


class DataBrowser:
    """Widgets and handlers of the panel."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._fields = BrowseFields(context)
        self._detail = RowDetail(context)
        self._tag_all = TagAll(context, self._fields)

    def build(self, tab: gr.Tab) -> None:
        """Lay the panel out; the first page is read when the tab is opened."""
        heading(
            "Browse",
            "A search finds pairs by their prompt's last turn and both answers. Choose a row to "
            "see all of it.",
        )
        self._fields.build()
        self._count = sentence(elem_id="data-found", elem_classes=["muted"])
        self._table = table(
            "data-table", COLUMNS["pairs"], column_widths=WIDTHS["pairs"], max_height=420
        )
        with gr.Row(elem_classes=["actions"]):
            self._newest = gr.Button("Newest", size="sm", elem_id="data-newest")
            self._older = gr.Button("Older", size="sm", elem_id="data-older")
        self._last = gr.State(None)
        self._detail.build()
        self._tag_all.build()
        with gr.Accordion("Statistics", open=False, elem_id="data-statistics") as self._fold:
            self._numbers = sentence(
                "Counting and measuring …", elem_id="data-numbers", elem_classes=["facts"]
            )
        self._wire(tab)

    def when_data_changes(self, handler: Any, inputs: Any, outputs: Any) -> None:
        """Call a handler of another panel after verdicts or tags were changed here."""
        for changed in (self._detail.changed, self._tag_all.changed):
            changed.change(handler, inputs, outputs, **PRIVATE)

    def _wire(self, tab: gr.Tab) -> None:
        fields = self._fields
        shown = [self._table, self._last, self._older, self._count]
        for event in (tab.select, self._newest.click):
            event(self.newest, fields.inputs, shown, **PRIVATE)
        for event in (fields.search.change, *(f.input for f in fields.filters.values())):
            event(self.newest, fields.inputs, shown, trigger_mode="always_last", **PRIVATE)
        switched = [*fields.filters.values(), self._tag_all.fold]
        fields.kind.input(self.switch, fields.kind, switched, **PRIVATE).then(
            self.newest, fields.inputs, shown, **PRIVATE
        )
        fields.fold.expand(self.list_choices, None, list(fields.filters.values()), **PRIVATE)
        older = [self._last, *fields.inputs]
        self._older.click(self.older, older, [self._table, self._last, self._older], **PRIVATE)
        self._table.select(self._detail.open, fields.kind, self._detail.outputs, **PRIVATE)
        self.when_data_changes(self.newest, fields.inputs, shown)
        self._fold.expand(self.measure, None, self._numbers, **PRIVATE)

    @show_errors
    @require("annotator")
    def newest(self, request: gr.Request, kind: str, search: str, *values: Any) -> dict[Any, Any]:
        """Show the first page of what the fields ask for, and count it."""
        wanted = self._fields.read(kind, search, values)
        page = browsing.page(self._context, kind, wanted)
        total = browsing.total(self._context, kind, wanted)
        return {
            **self._shown(page),
            self._count: found_sentence(kind, total, num_shown=len(page.rows)),
        }

    @show_errors
    @require("annotator")
    def older(
        self, request: gr.Request, last: int | None, kind: str, search: str, *values: Any
    ) -> dict[Any, Any]:
        """Show the page after the one that is shown."""
        wanted = self._fields.read(kind, search, values)
        return self._shown(browsing.page(self._context, kind, wanted, before=last))

    @show_errors
    @require("annotator")
    def switch(self, kind: str, request: gr.Request) -> dict[Any, Any]:
        """Show the filters of another kind of row."""
        tagging = gr.Accordion(visible=kind == "prompts")
        return {**self._fields.for_kind(kind), self._tag_all.fold: tagging}

    @show_errors
    @require("annotator")
    def list_choices(self, request: gr.Request) -> dict[Any, Any]:
        """Fill the filters with what there is."""
        return self._fields.with_choices()

    @show_errors
    @require("annotator")
    def measure(self, request: gr.Request) -> str:
        """Count and measure all that is stored."""
        return numbers_text(browsing.numbers(self._context))

    def _shown(self, page: browsing.Page) -> dict[Any, Any]:
        kind = page.kind.value
        return {
            self._table: gr.Dataframe(
                value={"headers": COLUMNS[kind], "data": cells(page)},
                headers=COLUMNS[kind],
                column_widths=WIDTHS[kind],
            ),
            self._last: page.last,
            self._older: gr.Button(interactive=page.last is not None),
        }
