"""The Statistics screen: what was decided, by whom, how fast, and how tuned models fare."""

from typing import Any

import gradio as gr

from app.components.events import PRIVATE
from app.components.markup import heading, sentence
from app.services.context import Context
from app.services.labels import statistics
from app.web.errors import show_errors
from app.web.security import require
from app.wording.statistics import labeller_table, side_sentence, verdict_table, win_rate_table


class StatisticsTab:
    """The screen's widgets and its one handler."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the screen out; the numbers are read when the tab is opened."""
        with gr.Column(elem_classes=["empty"], visible=False) as empty:
            sentence("### Nothing labelled yet.\n\nThe numbers appear with the first verdict.")
            with gr.Row(elem_classes=["actions"]):
                gr.Button("Label pairs", variant="primary", elem_classes=["goto-label"])
        self._empty = empty
        with gr.Column() as numbers:
            self._build_numbers()
        self._numbers = numbers
        tables = [self._verdicts, self._sides, self._labellers, self._win_rates]
        for event in (page.load, tab.select):
            event(self.refresh, None, [self._empty, self._numbers, *tables], **PRIVATE)

    def _build_numbers(self) -> None:
        with gr.Row(elem_classes=["panels"]):
            with gr.Column(elem_classes=["pane"], min_width=280):
                heading("Verdicts", "All verdicts that stand, those on comparisons included.")
                self._verdicts = sentence(elem_id="statistics-verdicts", elem_classes=["facts"])
            with gr.Column(elem_classes=["pane"], min_width=280):
                heading(
                    "Left or right",
                    "Sides are drawn at random, so about half of the decisions should fall on "
                    "each. More on one side is a habit of the annotators.",
                )
                self._sides = sentence(elem_id="statistics-sides")
        with gr.Column(elem_classes=["pane"]):
            heading("Labellers")
            self._labellers = sentence(elem_id="statistics-labellers", elem_classes=["facts"])
        with gr.Column(elem_classes=["pane"]):
            heading(
                "Win rates",
                "How often the tuned answer was preferred to the base answer, with a 95 % Wilson "
                "interval. A tie counts half; votes for both bad are left out and counted apart.",
            )
            self._win_rates = sentence(elem_id="statistics-win-rates", elem_classes=["facts"])

    @show_errors
    @require("annotator")
    def refresh(self, request: gr.Request) -> dict[Any, Any]:
        """Count again."""
        found = statistics.overview(self._context)
        has_any = bool(found.counts.verdicts)
        return {
            self._empty: gr.Column(visible=not has_any),
            self._numbers: gr.Column(visible=has_any),
            self._verdicts: verdict_table(found.counts.verdicts),
            self._sides: side_sentence(found),
            self._labellers: labeller_table(found.counts.labellers),
            self._win_rates: win_rate_table(found.win_rates),
        }
