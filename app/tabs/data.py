"""The Data screen: what is stored, and the files to take home."""

from typing import Any

import gradio as gr

from app.components.adapters import adapter_choices
from app.components.data.backup_panel import BackupPanel
from app.components.data.data_browser import DataBrowser
from app.components.data.export_panel import ExportPanel
from app.components.download import Download
from app.components.events import PRIVATE
from app.components.markup import heading, sentence
from app.services.context import Context
from app.services.outputs import transfer
from app.web.errors import show_errors
from app.web.security import require


class DataTab:
    """The screen's widgets and its handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the screen out; a file is made when it is asked for, and saved by the browser."""
        with gr.Column(elem_classes=["pane"]):
            browser = DataBrowser(self._context)
            browser.build(tab)
        with gr.Row(elem_classes=["panels"]):
            with gr.Column(elem_classes=["pane"], min_width=300):
                export = ExportPanel(self._context)
                export.build(page, tab)
            with gr.Column(elem_classes=["pane"], min_width=300):
                heading("Adapters", "LoRA weights: what training has added to a base model.")
                self._none = sentence("No adapter yet. Train one first.", elem_classes=["muted"])
                self._adapter = gr.Dropdown(
                    [], show_label=False, container=False, elem_id="data-adapter", visible=False
                )
                with gr.Row(elem_classes=["actions"]):
                    self._pack = gr.Button(
                        "Download adapter", elem_id="data-adapter-download", interactive=False
                    )
            with gr.Column(elem_classes=["pane"], min_width=300):
                BackupPanel(self._context).build(page, tab)
        self._download = Download("data-adapter-file")
        self._wire(page, tab)
        browser.when_data_changes(export.count, export.wanted, export.counted)

    def _wire(self, page: gr.Blocks, tab: gr.Tab) -> None:
        shown = [self._none, self._adapter, self._pack]
        for event in (page.load, tab.select):
            event(self.refresh, self._adapter, shown, **PRIVATE)
        self._pack.click(self.pack, self._adapter, self._download.outputs(), **PRIVATE)

    @show_errors
    @require("annotator")
    def refresh(self, adapter_id: int | None, request: gr.Request) -> dict[Any, Any]:
        """List the adapters that there are now."""
        choices, chosen = adapter_choices(self._context, adapter_id)
        return {
            self._none: gr.Markdown(visible=not choices),
            self._adapter: gr.Dropdown(choices, value=chosen, visible=bool(choices)),
            self._pack: gr.Button(interactive=bool(choices)),
        }

    @show_errors
    @require("admin")
    def pack(self, adapter_id: int, request: gr.Request) -> dict[Any, Any]:
        """Pack the chosen adapter for the browser."""
        return self._download.offer(transfer.adapter_archive(self._context, adapter_id))
