"""Two folds under a run: take its adapter further as a model, and see the plain script."""

from typing import Any

import gradio as gr

from app.components.download import Download
from app.components.events import ACTIVE, PRIVATE
from app.components.markup import sentence
from app.services.context import Context
from app.services.outputs import model_exports
from app.services.outputs.model_exports import ExportRow
from app.services.running.runs import RunView
from app.web.errors import show_errors
from app.web.security import current_user, require
from app.wording.runs import STATUS_WORDS
from app.wording.text import bullet_list

MERGED = (
    "Merged model\nA full model with the trained weights merged in, for any program.",
    "merged",
)
GGUF = ("GGUF file\nOne file for llama.cpp, Ollama or LM Studio.", "gguf")
ADAPTER = ("As it is, to the hub\nThe adapter or model that was trained, with its card.", "adapter")
NAMES = {"merged": "merged model", "gguf": "GGUF file", "adapter": "as it is"}


class ExportFold:
    """Starts exports of the shown adapter and says how they stand."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self) -> None:
        """Lay both folds out."""
        can_send = model_exports.can_send()
        with gr.Accordion("Export", open=False, elem_id="train-export", visible=False) as fold:
            self._target = gr.Radio(
                [MERGED, GGUF, ADAPTER] if can_send else [MERGED, GGUF],
                value="merged",
                show_label=False,
                elem_id="train-export-target",
                elem_classes=["cards"],
            )
            choices = model_exports.weight_choices("merged")
            self._weights = gr.Dropdown(
                choices, value=choices[0], label="Precision", elem_id="train-export-weights"
            )
            self._repository = gr.Textbox(
                label="Send to this hub repository",
                placeholder="name/model",
                elem_id="train-export-repository",
                visible=can_send,
            )
            self._build_actions()
            self._list = sentence(elem_id="train-export-list", elem_classes=["small"])
        self._fold = fold
        self._latest = gr.State(None)
        self._base_run = gr.State(None)
        with gr.Accordion("Plain TRL script", open=False, elem_id="train-script") as script:
            self._code = gr.Code(
                language="python",
                interactive=False,
                show_label=False,
                max_lines=24,
                buttons=["copy"],
                elem_id="train-script-code",
            )
        self._script = script

    def _build_actions(self) -> None:
        with gr.Row(elem_classes=["actions"]):
            self._start = gr.Button("Export", size="sm", elem_id="train-export-start")
            self._fetch = gr.Button(
                "Download model", size="sm", elem_id="train-export-download", visible=False
            )
            self._download = Download("train-export-file")
            self._use = gr.Button(
                "Use as base", size="sm", elem_id="train-export-use", visible=False
            )

    def outputs(self) -> list[Any]:
        """Every widget that `updates` may name."""
        states, buttons = [self._latest, self._base_run], [self._fetch, self._use]
        return [self._fold, self._script, *states, *buttons, self._list]

    def use_on(self, handler: Any, outputs: list[Any]) -> Any:
        """Call `handler` with the run whose full or merged model is to be the next base."""
        return self._use.click(handler, self._base_run, outputs, **PRIVATE)

    def wire(self, run_id: gr.State, adapter_id: gr.State) -> Any:
        """Connect the buttons to the run and the adapter that the panel shows.

        Returns the event of a started export, after which the panel is to look again.
        """
        self._target.input(self.offer, self._target, self._weights, **PRIVATE)
        self._fetch.click(self.fetch, self._latest, self._download.outputs(), **PRIVATE)
        self._script.expand(self.show_script, run_id, self._code, **PRIVATE)
        form = [adapter_id, self._target, self._weights, self._repository]
        return self._start.click(self.start, form, None, **PRIVATE)

    @show_errors
    @require("annotator")
    def offer(self, target: str, request: gr.Request) -> Any:
        """Offer the precisions that this kind of export can write."""
        choices = model_exports.weight_choices(target)
        return gr.Dropdown(choices, value=next(iter(choices), None), visible=bool(choices))

    @show_errors
    @require("admin")
    def start(
        self,
        adapter_id: int,
        target: str,
        weights: str,
        repository: str | None,
        request: gr.Request,
    ) -> None:
        """Queue an export of the shown adapter."""
        options = {"target": target, "repository": (repository or "").strip() or None}
        if target != "adapter":
            options["weights"] = weights
        model_exports.start_export(self._context, current_user(request), adapter_id, options)

    @show_errors
    @require("admin")
    def fetch(self, run_id: int, request: gr.Request) -> dict[Any, Any]:
        """Hand the newest exported model to the browser."""
        return self._download.offer(model_exports.exported_file(self._context, run_id))

    @show_errors
    @require("annotator")
    def show_script(self, run_id: int, request: gr.Request) -> str:
        """The script that trains the shown run without PairTune."""
        return model_exports.script_of_run(self._context, run_id)

    def is_active(self, adapter_id: int | None) -> bool:
        """Whether an export of the adapter is under way."""
        return any(row.status in ACTIVE for row in self._rows(adapter_id))

    def updates(self, view: RunView) -> dict[Any, Any]:
        """What both folds are to show; neither is for reward models, which write no answers."""
        writes = view.row.kind != "reward"
        rows = self._rows(view.adapter_id) if writes else []
        written = [row for row in rows if row.num_bytes]
        latest = next((row.run_id for row in written), None)
        base_run = next((row.run_id for row in written if row.target == "merged"), None)
        if view.is_full_model and view.adapter_id is not None:
            base_run = view.row.id  # it is a base model already, and in higher precision
        return {
            self._fold: gr.Accordion(visible=writes and view.adapter_id is not None),
            self._script: gr.Accordion(visible=writes),
            self._latest: latest,
            self._base_run: base_run,
            self._use: gr.Button(visible=base_run is not None),
            self._fetch: gr.Button(visible=latest is not None),
            self._list: bullet_list([_line(row) for row in rows]),
        }

    def _rows(self, adapter_id: int | None) -> list[ExportRow]:
        if adapter_id is None:
            return []
        return model_exports.list_exports(self._context, adapter_id)


def _line(row: ExportRow) -> str:
    parts = [f"Run {row.run_id}", NAMES.get(row.target, row.target), STATUS_WORDS[row.status]]
    if row.weights:
        parts.append(row.weights)
    if row.num_bytes:
        parts.append(f"{row.num_bytes / 1e6:,.0f} MB")
    if row.repository:
        parts.append(row.repository)
    return " · ".join(parts) + (f". {row.error}" if row.error else "")
