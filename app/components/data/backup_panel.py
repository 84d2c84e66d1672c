"""The panel that packs the whole project into one file to keep."""

from typing import Any

import gradio as gr

from app.components.events import PRIVATE
from app.components.download import Download
from app.components.markup import heading, sentence
from app.web.errors import show_errors
from app.web.security import require
from app.services.outputs import backup
from app.services.context import Context



class BackupPanel:
    """Widgets and the handler of the panel."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the panel out."""
        heading("Backup")
        sentence(
            "All prompts, pairs, verdicts and runs in one archive, made while work goes on. "
            "`python app.py restore FILE --data NEW-FOLDER` brings it back. It holds everything "
            "that people wrote: keep it private.",
            elem_classes=["muted"],
        )
        with gr.Row(elem_classes=["actions"]):
            self._start = gr.Button("Download backup", elem_id="data-backup")
            self._adapters = gr.Checkbox(
                False, label="with adapters", container=False, elem_id="data-backup-adapters"
            )
        self._download = Download("data-backup-file")
        self._start.click(self.back_up, self._adapters, self._download.outputs(), **PRIVATE)

    @show_errors
    @require("admin")
    def back_up(self, with_adapters: bool, request: gr.Request) -> dict[Any, Any]:
        """Pack the project for the browser."""
        path = backup.backup_archive(self._context, with_adapters=with_adapters)
        return self._download.offer(path)
