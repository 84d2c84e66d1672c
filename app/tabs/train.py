"""The Train screen: choose a recipe, see what would train, start it, and watch."""

from typing import Any

import gradio as gr

from app.components.adapters import adapter_choices
from app.components.events import PRIVATE
from app.components.markup import heading, sentence
from app.components.runs.preset_picker import PresetPicker
from app.components.runs.run_panel import RunPanel
from app.services.context import Context
from app.services.tuning import models, training
from app.services.tuning.options import loss_advice
from app.services.tuning.recipes import RECIPES
from app.services.tuning.training import TrainingRequest
from app.web.errors import show_errors
from app.web.security import current_user, require
from app.wording.runs import preflight_text

CARDS = [
    (f"{recipe.name}\n{recipe.purpose}", name) for name, recipe in RECIPES.items() if recipe.purpose
]
FROM_BASE = 0
BASE_ITSELF = ("the base model itself", FROM_BASE)


class TrainTab:
    """The screen's widgets and its handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.panel = RunPanel(context)
        self._presets = PresetPicker(context)
        self._options = self._presets.form

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the form out on the left and the chosen run on the right."""
        with gr.Row(elem_id="train-halves"):
            with gr.Column(elem_id="train-form", elem_classes=["pane"], min_width=320):
                self._build_form()
            with gr.Column(elem_id="train-run", min_width=320):
                self.panel.build(page, tab)
        self._wire(page, tab)

    def _build_form(self) -> None:
        heading(
            "Recipe",
            "DPO: direct preference optimisation, training on pairs of a chosen and a rejected "
            "answer. SFT: supervised fine-tuning on the chosen answers alone.",
        )
        self._recipe = gr.Radio(
            CARDS, value="dpo", show_label=False, elem_id="train-recipe", elem_classes=["cards"]
        )
        choices = models.model_choices(self._context)
        self._model = gr.Dropdown(
            choices, value=choices[0][1], label="Base model", elem_id="train-model"
        )
        self._adapter = gr.Dropdown(
            [BASE_ITSELF], value=FROM_BASE, label="Start from", elem_id="train-adapter"
        )
        self._presets.build()
        with gr.Column(elem_id="train-preflight"):
            self._preflight = sentence("", elem_classes=["small", "preflight"])
            self._label = gr.Button(
                "Label pairs", size="sm", elem_classes=["goto-label"], visible=False
            )
        self._start = gr.Button(
            "Start training", variant="primary", elem_id="train-start", interactive=False
        )

    def _wire(self, page: gr.Blocks, tab: gr.Tab) -> None:
        choices = [self._recipe, self._model, self._presets.chosen, self._adapter]
        form = [*choices, *self._options.inputs()]
        found = [self._preflight, self._label, self._start]

        def then_check(event: Any) -> None:
            event.then(self.check, form, found, **PRIVATE)

        self._presets.wire(then_check)
        then_check(self.panel.use_as_base_on(self.use_as_base, [self._model, self._adapter]))
        listed = [self._model, self._adapter, *self._presets.outputs()]
        for event in (page.load, tab.select):
            known = [self._adapter, self._presets.chosen]
            then_check(event(self.refresh, known, listed, **PRIVATE))
        loss = self._options.loss
        then_check(loss.input(self.advise, loss, self._options.advice_outputs(), **PRIVATE))
        for widget in (self._recipe, self._model, self._adapter, *self._options.inputs()):
            if widget is not loss:
                widget.input(self.check, form, found, trigger_mode="always_last", **PRIVATE)
        shown = [self.panel.chosen, *self.panel.outputs()]
        self._start.click(self.start, [*self.panel.state(), *form], shown, **PRIVATE)

    @show_errors
    @require("annotator")
    def advise(self, loss_type: str, request: gr.Request) -> dict[Any, Any]:
        """Say when to take the chosen loss, and set its label smoothing as measured."""
        return self._options.advised(loss_advice(self._context, loss_type))

    @show_errors
    @require("annotator")
    def refresh(self, adapter: int, preset: str, request: gr.Request) -> dict[Any, Any]:
        """Offer the models, adapters and presets that there are now; keep what still exists."""
        choices, kept = adapter_choices(self._context, adapter)
        value = adapter if adapter and adapter == kept else FROM_BASE
        return {
            self._model: gr.Dropdown(models.model_choices(self._context)),
            self._adapter: gr.Dropdown([BASE_ITSELF, *choices], value=value),
            **self._presets.listed(preset),
        }

    @show_errors
    @require("annotator")
    def use_as_base(self, run_id: int, request: gr.Request) -> dict[Any, Any]:
        """Choose the model that a run has made as the base model, without any adapter on it."""
        model = models.model_of_run(self._context, run_id)
        return {
            self._model: gr.Dropdown(models.model_choices(self._context), value=model),
            self._adapter: FROM_BASE,
        }

    @show_errors
    @require("annotator")
    def check(self, request: gr.Request, *form: Any) -> dict[Any, Any]:
        """Say what would train and what stands in the way."""
        found = training.preflight(self._context, self._request(form))
        return {
            self._preflight: preflight_text(found),
            self._label: gr.Button(visible=not found.num_train),
            self._start: gr.Button(interactive=not found.problems),
        }

    @show_errors
    @require("admin")
    def start(
        self, request: gr.Request, seen: dict[int, int], chosen: int | None, *form: Any
    ) -> dict[Any, Any]:
        """Queue the run, and follow it on the right."""
        training.start_training(self._context, current_user(request), self._request(form))
        return {self.panel.chosen: None, **self.panel.changes(seen, None)}

    def _request(self, form: tuple[Any, ...]) -> TrainingRequest:
        recipe, model, preset, adapter, *values = form
        return TrainingRequest(
            recipe=recipe,
            model=model,
            preset=preset,
            options=self._options.changes(preset, values),
            adapter_id=adapter or None,
        )
