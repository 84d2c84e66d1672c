"""The panel that tags all prompts that were found, after a question that names their number."""

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr

from app.components.events import PRIVATE
from app.components.data.browse_fields import BrowseFields
from app.components.markup import sentence
from app.web.errors import show_errors
from app.wording.text import escaped, plural
from app.web.security import require
from app.services.data import tagging
from app.services.context import Context

WAYS = [("add", "add"), ("remove", "remove")]


class TagAll:
    """Widgets and handlers of the panel; only for prompts, and for administrators."""

    def __init__(self, context: Context, fields: BrowseFields) -> None:
        self._context = context
        self._fields = fields

    def build(self) -> None:
        """Lay the panel out; it is shown while prompts are looked through."""
        self.changed = gr.State(0.0)
        with gr.Accordion(
            "Tag all prompts found", open=False, visible=False, elem_id="data-tag-all"
        ) as self.fold:
            with gr.Row(elem_classes=["actions", "browse-bar"]):
                self._way = gr.Radio(
                    WAYS, value="add", show_label=False, container=False, elem_id="data-tag-way"
                )
                self._tag = gr.Textbox(
                    show_label=False,
                    placeholder="Tag",
                    container=False,
                    max_lines=1,
                    elem_id="data-tag-name",
                )
                self._ask = gr.Button("Count them", size="sm", elem_id="data-tag-ask")
            with gr.Row(elem_classes=["actions"]):
                self._question = sentence(elem_id="data-tag-question")
                self._confirm = gr.Button(
                    "Yes, change them",
                    size="sm",
                    variant="stop",
                    visible=False,
                    elem_id="data-tag-confirm",
                )
        self._wire()

    def _wire(self) -> None:
        wanted = [self._way, self._tag, *self._fields.inputs]
        asked = [self._question, self._confirm]
        self._ask.click(self.ask, wanted, asked, **PRIVATE)
        self._confirm.click(self.change, wanted, [*asked, self.changed], **PRIVATE)
        for field in wanted:
            # A question is about what was asked for: another one has to be put.
            field.change(self.forget, None, asked, **PRIVATE)

    @show_errors
    @require("admin")
    def ask(
        self, request: gr.Request, way: str, tag: str, kind: str, search: str, *values: Any
    ) -> dict[Any, Any]:
        """Name how many prompts would be changed, and let people confirm it."""
        change = tagging.read_change(tag, adds=way == "add")
        number = tagging.num_prompts(self._context, self._fields.read("prompts", search, values))
        verb, word = ("Add", "to") if change.adds else ("Remove", "from")
        question = f"{verb} the tag “{escaped(change.tag)}” {word} {plural(number, 'prompt')}?"
        return {
            self._question: question,
            self._confirm: gr.Button(visible=number > 0, interactive=True),
        }

    @show_errors
    @require("admin")
    def change(
        self, request: gr.Request, way: str, tag: str, kind: str, search: str, *values: Any
    ) -> Iterator[dict[Any, Any]]:
        """Change them, and say how far it is."""
        change = tagging.read_change(tag, adds=way == "add")
        wanted = self._fields.read("prompts", search, values)
        yield {self._confirm: gr.Button(interactive=False)}
        for num_seen, num_changed in tagging.change_all(self._context, wanted, change):
            done = f"{plural(num_changed, 'prompt')} changed, {num_seen:,} looked at"
            yield {self._question: f"{done} …"}
        yield {
            self._question: f"{done}.",
            self._confirm: gr.Button(visible=False),
            self.changed: time.monotonic(),
        }

    @show_errors
    @require("annotator")
    def forget(self, request: gr.Request) -> dict[Any, Any]:
        """Drop a question about what is no longer asked for."""
        return {self._question: "", self._confirm: gr.Button(visible=False)}
