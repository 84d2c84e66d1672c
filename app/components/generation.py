"""The panel that lets a model make pairs: how many, from which prompts, and how far it is."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from app.components.changes import Seen, only_changes
from app.components.events import ACTIVE, POLL_SECONDS, PRIVATE
from app.components.markup import heading, own_markup, progress_bar, sentence
from app.components.sampling import sampling_fields, sampling_of
from app.services.context import Context
from app.services.data import pairs
from app.services.data.pairs import GenerationRequest
from app.services.running import runs
from app.services.tuning import models
from app.web.errors import show_errors
from app.web.security import current_user, require
from app.wording.runs import generation_line


class GenerationPanel:
    """Widgets and handlers of the panel."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the panel out; it shows the latest run after a reload as well."""
        heading(
            "Make pairs to label",
            "The model answers each prompt twice with different seeds: a pair.",
        )
        self._build_wishes()
        with gr.Accordion("Sampling", open=False, elem_id="pairs-sampling"):
            self._sampling = sampling_fields()
        self._build_actions()
        self._bar = own_markup("pairs-bar")
        self._status = sentence(elem_id="pairs-status", elem_classes=["muted", "small"])
        self._timer = gr.Timer(POLL_SECONDS, active=False)
        self._seen = gr.State({})
        self._ended = gr.State(None)
        self._wire(page, tab)

    def _build_wishes(self) -> None:
        with gr.Row(elem_classes=["fields"]):
            self._num_pairs = gr.Number(
                20,
                label="Pairs",
                minimum=1,
                maximum=pairs.MAX_PAIRS,
                precision=0,
                elem_id="pairs-count-input",
                min_width=80,
                scale=1,
            )
            self._source = gr.Dropdown(
                [("prompts without a pair", True), ("all prompts", False)],
                value=True,
                label="from",
                elem_id="pairs-source",
                min_width=150,
                scale=2,
            )
            choices = models.model_choices(self._context)
            self._model = gr.Dropdown(
                choices,
                value=choices[0][1],
                label="with",
                elem_id="pairs-model",
                min_width=170,
                scale=2,
            )

    def _build_actions(self) -> None:
        with gr.Row(elem_classes=["actions"]):
            self._generate = gr.Button(
                "Generate pairs", variant="primary", elem_id="pairs-generate"
            )
            self._stop = gr.Button(
                "Stop",
                variant="stop",
                elem_id="pairs-stop",
                elem_classes=["asks-stop"],
                visible=False,
            )
            self._label = gr.Button(
                "Start labelling",
                elem_id="pairs-label",
                elem_classes=["goto-label"],
                interactive=False,
            )

    def _wire(self, page: gr.Blocks, tab: gr.Tab) -> None:
        buttons, states = [self._generate, self._stop, self._label], [self._seen, self._ended]
        shown = [*states, *buttons, self._bar, self._status, self._timer, self._model]
        for event in (page.load, tab.select, self._timer.tick):
            event(self.refresh, self._seen, shown, **PRIVATE)
        fields = [self._num_pairs, self._source, self._model, *self._sampling.as_list()]
        self._generate.click(self.start, [self._seen, *fields], shown, **PRIVATE)
        self._stop.click(self.stop, self._seen, shown, **PRIVATE)

    def when_pairs_change(
        self, handler: Callable[..., Any], inputs: gr.Textbox, outputs: list[Any]
    ) -> None:
        """Call `handler` when a run of this panel has ended."""
        self._ended.change(handler, inputs, outputs, **PRIVATE)

    @show_errors
    @require("annotator")
    def refresh(self, seen: Seen, request: gr.Request) -> dict[Any, Any]:
        """Whatever of the panel has changed."""
        return self._changes(seen)

    @show_errors
    @require("admin")
    def start(self, request: gr.Request, seen: Seen, *values: Any) -> dict[Any, Any]:
        """Queue a generate run with these options."""
        num_pairs, only_without_pair, model, *sampling = values
        wanted = GenerationRequest(
            num_pairs=int(num_pairs or 0),
            model=model,
            only_without_pair=only_without_pair,
            sampling=sampling_of(tuple(sampling)),
        )
        pairs.start_generation(self._context, current_user(request), wanted)
        return self._changes(seen)

    @show_errors
    @require("admin")
    def stop(self, seen: Seen, request: gr.Request) -> dict[Any, Any]:
        """Ask the running generate run to end; its pairs stay."""
        view = pairs.latest_generation(self._context)
        if view is not None:
            runs.stop_run(self._context, current_user(request), view.row.id)
        return self._changes(seen)

    def _changes(self, seen: Seen) -> dict[Any, Any]:
        view = pairs.latest_generation(self._context)
        num_ready = pairs.num_ready(self._context)
        active = view is not None and view.row.status in ACTIVE
        bar = progress_bar("Pairs made", view.step, view.num_steps) if view and active else ""
        updates = {
            self._generate: gr.Button(interactive=not active),
            self._stop: gr.Button(visible=active),
            self._label: gr.Button(
                f"Start labelling ({num_ready:,} ready)" if num_ready else "Start labelling",
                interactive=bool(num_ready),
            ),
            self._bar: bar,
            self._status: generation_line(view, num_ready) if view else "",
            self._timer: gr.Timer(active=active),
            self._model: gr.Dropdown(models.model_choices(self._context)),
        }
        if view and not active:
            updates[self._ended] = view.row.id
        seen, changed = only_changes(seen, updates)
        return {self._seen: seen, **changed}
