"""The choice of a preset, and keeping what the form says as a preset of one's own."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from app.components.events import PRIVATE
from app.components.runs.options_form import OptionsForm
from app.services.context import Context
from app.services.tuning import options
from app.web.errors import show_errors
from app.web.security import current_user, require

FIRST_PRESET = "quick"


class PresetPicker:
    """The list of presets above the options, and the row below them that saves and deletes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.form = OptionsForm(context, FIRST_PRESET)

    def build(self) -> None:
        """Lay out the list, the options that it fills, and the row that saves them."""
        choices = options.preset_choices(self._context)
        self.chosen = gr.Dropdown(
            list(choices),
            value=FIRST_PRESET,
            label="Preset",
            info=choices[FIRST_PRESET],
            elem_id="train-preset",
        )
        self.form.build()
        with gr.Accordion("Keep as a preset", open=False, elem_classes=["options"]):
            self._name = gr.Textbox(
                label="Name",
                info="Keeps the options above; the same name again replaces your preset.",
                max_lines=1,
                max_length=options.MAX_NAME_CHARACTERS,
                elem_id="train-preset-name",
            )
            with gr.Row(elem_classes=["actions"]):
                self._save = gr.Button("Save as preset", size="sm", elem_id="train-preset-save")
                self._delete = gr.Button(
                    "Delete preset", size="sm", elem_id="train-preset-delete", interactive=False
                )

    def wire(self, check: Callable[[Any], Any]) -> None:
        """Connect the handlers; `check` is given each event after which the form is different."""
        filled = [
            self.chosen, self._delete, *self.form.inputs(), *self.form.adapter_outputs()
        ]  # fmt: skip
        switch = self.form.adapter_switch
        switch.input(self.switch_adapter, switch, self.form.adapter_outputs(), **PRIVATE)
        check(self.chosen.input(self.fill, self.chosen, filled, **PRIVATE))
        check(self._delete.click(self.delete, self.chosen, filled, **PRIVATE))
        saved = [self.chosen, self._delete, self._name]
        inputs = [self._name, self.chosen, *self.form.inputs()]
        check(self._save.click(self.save, inputs, saved, **PRIVATE))

    def outputs(self) -> list[Any]:
        """What `listed` changes."""
        return [self.chosen, self._delete]

    def listed(self, chosen: str) -> dict[Any, Any]:
        """Updates that offer the presets there are now; keeps the choice if it still exists."""
        choices = options.preset_choices(self._context)
        value = chosen if chosen in choices else FIRST_PRESET
        return {
            self.chosen: gr.Dropdown(list(choices), value=value, info=choices[value]),
            self._delete: gr.Button(interactive=not options.is_built_in(value)),
        }

    @show_errors
    @require("annotator")
    def fill(self, preset: str, request: gr.Request) -> dict[Any, Any]:
        """Put the preset's values into the form."""
        return {**self.form.filled(preset), **self.listed(preset)}

    @show_errors
    @require("annotator")
    def switch_adapter(self, is_on: bool, request: gr.Request) -> dict[Any, Any]:
        """Show what an adapter can be given, or hide it where none is trained."""
        return self.form.with_adapter(is_on)

    @show_errors
    @require("admin")
    def save(self, request: gr.Request, name: str, preset: str, *values: Any) -> dict[Any, Any]:
        """Keep what the form says under the name, and choose it."""
        changes = self.form.changes(preset, values)
        user = current_user(request)
        stored = options.save_preset(self._context, user, name, preset, changes)
        return {**self.listed(stored), self._name: ""}

    @show_errors
    @require("admin")
    def delete(self, preset: str, request: gr.Request) -> dict[Any, Any]:
        """Delete the chosen preset, and go back to the first one."""
        options.delete_preset(self._context, preset)
        return {**self.form.filled(FIRST_PRESET), **self.listed(FIRST_PRESET)}
