"""The Prompts screen: bring prompts and pairs in, let the model make pairs, look through them."""

from typing import Any

import gradio as gr

from app.components.events import PRIVATE
from app.components.generation import GenerationPanel
from app.components.imports.import_panel import ImportPanel
from app.components.markup import model_text, sentence, table
from app.services.context import Context
from app.services.data import browsing, prompts
from app.web.errors import show_errors
from app.web.security import require
from app.wording.browsing import cells, found_sentence
from app.wording.conversations import prompt_page

COLUMNS = ["#", "Prompt", "Source", "Tags", "Pairs", "Labelled", "Split"]
WIDTHS = ["5%", "49%", "13%", "11%", "7%", "8%", "7%"]
MAX_ROWS = 200


class PromptsTab:
    """The screen's widgets and its handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the screen out and connect it; the table is read when the tab is opened."""
        with gr.Row(elem_classes=["panels"]):
            with gr.Column(elem_classes=["pane"], min_width=320):
                importing = ImportPanel(self._context)
                importing.build(page, tab)
            with gr.Column(elem_classes=["pane"], min_width=320):
                generation = GenerationPanel(self._context)
                generation.build(page, tab)
        self._build_table()
        self._wire(page, tab)
        importing.ended.change(self.search, self._search, [self._table, self._count], **PRIVATE)
        generation.when_pairs_change(self.search, self._search, [self._table, self._count])

    def _build_table(self) -> None:
        with gr.Row(elem_classes=["actions", "table-bar"]):
            self._count = sentence(elem_id="prompts-count", elem_classes=["muted"])
            self._search = gr.Textbox(
                elem_id="prompts-search",
                show_label=False,
                placeholder="Search prompts",
                container=False,
                max_lines=1,
            )
        self._table = table("prompts-table", COLUMNS, column_widths=WIDTHS, max_height=440)
        with gr.Column(visible=False, elem_classes=["pane"], elem_id="prompts-detail") as detail:
            with gr.Row(elem_classes=["actions"]):
                self._facts = sentence(elem_classes=["muted"])
                self._close = gr.Button("Close", size="sm")
            self._texts = model_text()
        self._detail = detail

    def _wire(self, page: gr.Blocks, tab: gr.Tab) -> None:
        found = [self._table, self._count]
        # Not `input`: it leaves out the first one, such as a word that is pasted.
        self._search.change(self.search, self._search, found, trigger_mode="always_last", **PRIVATE)
        for event in (page.load, tab.select):
            event(self.search, self._search, found, **PRIVATE)
        self._table.select(self.open, None, [self._detail, self._facts, self._texts], **PRIVATE)
        self._close.click(self.close, None, self._detail, **PRIVATE)

    @show_errors
    @require("annotator")
    def search(self, text: str, request: gr.Request) -> dict[Any, Any]:
        """Fill the table with the prompts that match."""
        wanted = browsing.read_filter("prompts", text, {})
        page = browsing.page(self._context, "prompts", wanted, limit=MAX_ROWS)
        total = browsing.total(self._context, "prompts", wanted)
        shown = found_sentence("prompts", total, num_shown=len(page.rows))
        if not page.rows and not text.strip():
            shown = "No prompts yet. Import some above."
        return {
            self._table: gr.Dataframe(value=cells(page), visible=bool(page.rows)),
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
