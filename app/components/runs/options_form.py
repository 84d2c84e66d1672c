"""The form of training options, made from what the option dataclasses say of themselves.

A preset fills the form; what the person changes is what a run is asked for, laid over the preset.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from app.services.context import Context
from app.services.tuning.options import (
    LossAdvice,
    OptionField,
    loss_line,
    option_fields,
    preset_values,
)
from storage.errors import InputError

ADAPTER = "Adapter"
GROUPS = {
    "Preference": "Preference · how hard to push",
    "Learning": "Learning · steps and rate",
    ADAPTER: "Adapter · LoRA",
    "Memory": "Memory · batch, length, 4 bits",
}
# Sections of a run's options that may be absent as a whole: a switch says whether they are there.
SWITCHES = {
    "lora": (
        "Train an adapter",
        "Off: full fine-tuning, every weight is trained, as the preset full does. For small "
        "models: 16 bytes of memory for each weight, and learning rates of 1e-6 to 5e-6.",
        "Adapter",
    ),
    "quantization": (
        "Load the base model in 4 bits",
        "Takes a quarter of the memory; each step is slower.",
        "Memory",
    ),
    "stopping": (
        "Stop early",
        "End once reward accuracy and margin are high enough, before answers collapse; limits "
        "under More.",
        "Learning",
    ),
}
SWITCH_ITSELF = "load_in_4bit"
Key = tuple[str, str]
LOSS: Key = ("training", "loss_type")
SMOOTHING: Key = ("training", "label_smoothing")


class OptionsForm:
    """The fields of all sections, folded by group, advanced ones folded once more."""

    def __init__(self, context: Context, preset: str) -> None:
        self._context = context
        self._fields = {
            (field.section, field.name): field
            for field in option_fields()
            if field.name != SWITCH_ITSELF
        }
        self._preset = preset
        self._switches: dict[str, gr.Checkbox] = {}
        self._widgets: dict[Key, Any] = {}

    def build(self) -> None:
        """Lay the groups out, filled with the preset's values."""
        values = preset_values(self._context, self._preset)
        for group, title in GROUPS.items():
            fields = [field for field in self._fields.values() if field.group == group]
            with gr.Accordion(title, open=False, elem_classes=["options"]):
                self._build_switches(group, values)
                shown = group != ADAPTER or values["lora"] is not None
                with gr.Column(visible=shown) as column:
                    self._build_group(fields, values)
            if group == ADAPTER:
                self._adapter_fields = column

    def _build_group(self, fields: Sequence[OptionField], values: Mapping[str, Any]) -> None:
        self._build_fields([field for field in fields if not field.advanced], values)
        advanced = [field for field in fields if field.advanced]
        if advanced:
            with gr.Accordion("More", open=False, elem_classes=["options"]):
                self._build_fields(advanced, values)

    def _build_switches(self, group: str, values: Mapping[str, Any]) -> None:
        for section, (label, info, where) in SWITCHES.items():
            if where == group:
                self._switches[section] = gr.Checkbox(
                    values[section] is not None,
                    label=label,
                    info=info,
                    elem_id=f"option-{section}",
                )

    def _build_fields(self, fields: Sequence[OptionField], values: Mapping[str, Any]) -> None:
        for field in fields:
            self._widgets[field.section, field.name] = _widget(field, _value_in(values, field))

    def inputs(self) -> list[Any]:
        """All widgets, in the order in which `changes` takes their values."""
        return [*self._switches.values(), *self._widgets.values()]

    @property
    def adapter_switch(self) -> Any:
        """The widget that says whether an adapter is trained; its fields hide without one."""
        return self._switches["lora"]

    def adapter_outputs(self) -> list[Any]:
        """What `with_adapter` changes."""
        return [self._adapter_fields]

    def with_adapter(self, is_on: bool) -> dict[Any, Any]:
        """Updates that show the adapter's fields only where one is trained."""
        return {self._adapter_fields: gr.Column(visible=is_on)}

    @property
    def loss(self) -> Any:
        """The widget of the loss, whose advice goes with what is chosen there."""
        return self._widgets[LOSS]

    def advice_outputs(self) -> list[Any]:
        """What `advised` changes."""
        return [self._widgets[LOSS], self._widgets[SMOOTHING]]

    def advised(self, advice: LossAdvice) -> dict[Any, Any]:
        """Updates that show a loss's advice and set the smoothing that goes with it."""
        loss, smoothing = self.advice_outputs()
        return {loss: gr.Dropdown(info=advice.text), smoothing: advice.label_smoothing}

    def filled(self, preset: str) -> dict[Any, Any]:
        """Updates that put a preset's values into the form."""
        values = preset_values(self._context, preset)
        updates: dict[Any, Any] = {
            widget: values[section] is not None for section, widget in self._switches.items()
        }
        for key, widget in self._widgets.items():
            updates[widget] = _value_in(values, self._fields[key])
        chosen = updates[self.loss]
        updates[self.loss] = gr.Dropdown(value=chosen, info=loss_line(chosen))
        return updates | self.with_adapter(values["lora"] is not None)

    def changes(self, preset: str, form_values: Sequence[Any]) -> dict[str, Any]:
        """What the form asks for that the preset does not, by section; None for one left out.

        Raises InputError for an empty field.
        """
        values = preset_values(self._context, preset)
        num_switches = len(self._switches)
        switched = dict(zip(self._switches, form_values[:num_switches], strict=True))
        given = dict(zip(self._widgets, form_values[num_switches:], strict=True))
        changed: dict[str, Any] = {}
        for section, is_on in switched.items():
            if is_on and values[section] is None:
                changed[section] = {}
            elif not is_on and values[section] is not None:
                changed[section] = None
        for (section, name), value in given.items():
            if switched.get(section) is False:
                continue
            field = self._fields[section, name]
            if value is None or value == "":
                raise InputError(
                    f"The option {name} is empty. Fill it in, or choose the preset again."
                )
            if value != _value_in(values, field):
                changed.setdefault(section, {})[name] = value
        return changed


def _value_in(values: Mapping[str, Any], field: OptionField) -> Any:
    """The field's value under a preset; its default where the preset leaves the section out."""
    section = values[field.section]
    return field.default if section is None else section[field.name]


def _widget(field: OptionField, value: Any) -> Any:
    words = field.name.replace("_", " ").capitalize()
    shared: dict[str, Any] = {
        "label": f"{words} ({field.unit})" if field.unit else words,
        "info": loss_line(value) if (field.section, field.name) == LOSS else field.help,
        "elem_id": f"option-{field.section}-{field.name}",
    }
    if isinstance(field.default, bool):
        return gr.Checkbox(value, **shared)
    if field.choices:
        return gr.Dropdown(list(field.choices), value=value, **shared)
    if isinstance(field.default, int):
        return gr.Number(value, precision=0, **shared)
    if isinstance(field.default, float):
        return gr.Number(value, **shared)
    return gr.Textbox(value, max_lines=1, **shared)
