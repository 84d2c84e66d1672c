"""The slim line above the tabs: name, counts, what runs now, and who is there."""

from typing import Any

import gradio as gr

from app.components.changes import Seen, only_changes
from app.components.events import PRIVATE
from app.components.markup import own_markup, sentence
from app.services.context import Context
from app.services.data import prompts
from app.services.running import runs
from app.web.errors import show_errors
from app.web.security import current_user, require
from app.wording.runs import run_link
from app.wording.statistics import counts_line
from app.wording.text import escaped

REFRESH_SECONDS = 2


class Header:
    """The header and the one timer that keeps it true."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self, page: gr.Blocks) -> None:
        """Lay it out inside `page` and keep it fresh."""
        with gr.Row(elem_id="header"):
            own_markup("brand", '<span class="mark" aria-hidden="true"></span><h1>PairTune</h1>')
            self._counts = sentence(elem_id="header-counts")
            # A button and not a link: the script goes to the Train tab without loading the page.
            self._running = gr.Button(
                "", elem_id="header-run", elem_classes=["goto-train", "as-link"], visible=False
            )
            self._user = sentence(elem_id="header-user")
        seen = gr.State({})
        outputs = [seen, self._counts, self._running, self._user]
        self._seen = seen
        timer = gr.Timer(REFRESH_SECONDS)
        for event in (page.load, timer.tick):
            event(self.refresh, seen, outputs, **PRIVATE)

    @show_errors
    @require("annotator")
    def refresh(self, seen: Seen, request: gr.Request) -> dict[Any, Any]:
        """Whatever of the header has changed."""
        view = runs.current_run(self._context)
        link = run_link(view)
        screen = "prompts" if view and view.row.kind == "generate" else "train"
        seen, changed = only_changes(
            seen,
            {
                self._counts: counts_line(prompts.header_counts(self._context)),
                self._running: gr.Button(
                    link, visible=bool(link), elem_classes=[f"goto-{screen}", "as-link"]
                ),
                self._user: escaped(current_user(request).name),
            },
        )
        return {self._seen: seen, **changed} if changed else {self._seen: gr.skip()}
