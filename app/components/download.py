"""A file that is made on demand and then saved by the browser, with one click of the person.

Gradio's download button needs its file before the click. So a visible button asks the server for
the file, the answer fills a hidden download button, and the script presses that one.
"""

import uuid
from pathlib import Path
from typing import Any

import gradio as gr

from app.components.markup import own_markup


class Download:
    """The hidden button, and the mark at which the script presses it."""

    def __init__(self, elem_id: str) -> None:
        self._elem_id = elem_id
        self._button = gr.DownloadButton("Save", elem_id=elem_id, elem_classes=["saves"])
        self._mark = own_markup(f"{elem_id}-mark", elem_classes=["saves"])

    def outputs(self) -> list[Any]:
        """What `offer` updates."""
        return [self._button, self._mark]

    def offer(self, path: Path) -> dict[Any, Any]:
        """Updates that hand the file to the browser."""
        serial = uuid.uuid4().hex
        mark = f'<i class="save-now" data-button="{self._elem_id}" data-serial="{serial}"></i>'
        return {self._button: str(path), self._mark: mark}
