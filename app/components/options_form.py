"""The form of training options, made from what the option dataclasses tell about themselves.

A preset fills the form; what the person changes is what a run is asked for, laid over the preset.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import gradio as gr

from app.services.runs import OptionField, option_fields, preset_values

SECTION_WORDS = {
    "Preference": "Preference · how hard to push",
    "Learning": "Learning · steps and rate",
    "Adapter": "Adapter · LoRA",
    "Memory": "Memory · batch, length, 4 bits",
}
# Groups that may be absent as a whole: a switch says whether they are there.
SWITCHES = {
    "quantization": (
        "Load the base model in 4 bits",
        "Needs a quarter of the memory; slower.",
        "Memory",
    ),
    "stopping": (
        "Stop early",
        "End once held-out pairs are told apart well enough, before answers collapse.",
        "Learning",
    ),
}


class OptionsForm:
    """The fields of all groups, folded by section, advanced ones folded once more."""

    def __init__(self, preset: str) -> None:
        self._fields = option_fields()
        self._preset = preset
        self._switches: dict[str, gr.Checkbox] = {}
        self._widgets: dict[tuple[str, str], Any] = {}

    def build(self) -> None:
        """Lay the sections out, filled with the preset's values."""
        in_order = sorted(self._fields, key=lambda field: list(SECTION_WORDS).index(field.section))
        for section, fields in groupby(in_order, key=lambda field: field.section):
            listed = list(fields)
            with gr.Accordion(SECTION_WORDS[section], open=False, elem_classes=["options"]):
                self._build_switches(section)
                self._build_fields([field for field in listed if not field.advanced])
                advanced = [field for field in listed if field.advanced]
                if advanced:
                    with gr.Accordion("More", open=False, elem_classes=["options"]):
                        self._build_fields(advanced)

    def _build_switches(self, section: str) -> None:
        for group, (label, info, where) in SWITCHES.items():
            if where == section and any(field.group == group for field in self._fields):
                value = preset_values(self._preset).get(group) is not None
                self._switches[group] = gr.Checkbox(value, label=label, info=info)

    def _build_fields(self, fields: Sequence[OptionField]) -> None:
        values = preset_values(self._preset)
        for field in fields:
            value = _value_in(values, field)
            self._widgets[field.group, field.name] = _widget(field, value)

    def inputs(self) -> list[Any]:
        """All widgets, in the order in which `changes` takes their values."""
        return [*self._switches.values(), *self._widgets.values()]

    def filled(self, preset: str) -> dict[Any, Any]:
        """Updates that put a preset's values into the form."""
        values = preset_values(preset)
        fields = {(field.group, field.name): field for field in self._fields}
        updates: dict[Any, Any] = {
            widget: values.get(group) is not None for group, widget in self._switches.items()
        }
        for key, widget in self._widgets.items():
            updates[widget] = _value_in(values, fields[key])
        return updates

    def changes(self, preset: str, form_values: Sequence[Any]) -> dict[str, Any]:
        """What the form asks for that the preset does not, by group; None for a group left out."""
        values = preset_values(preset)
        switched = dict(zip(self._switches, form_values, strict=False))
        given = dict(zip(self._widgets, form_values[len(self._switches) :], strict=True))
        fields = {(field.group, field.name): field for field in self._fields}
        changed: dict[str, Any] = {}
        for (group, name), value in given.items():
            if switched.get(group) is False:
                continue
            field = fields[group, name]
            value = _read(field, value)
            if values.get(group) is None or value != values[group].get(name):
                changed.setdefault(group, {})[name] = value
        for group, is_on in switched.items():
            if not is_on and values.get(group) is not None:
                changed[group] = None
        return changed


def _value_in(values: Mapping[str, Any], field: OptionField) -> Any:
    """The field's value under a preset; a list of words is shown with commas."""
    group = values.get(field.group)
    value = field.default if group is None else group.get(field.name, field.default)
    return ", ".join(value) if isinstance(value, (list, tuple)) else value


def _read(field: OptionField, value: Any) -> Any:
    """A form's value in the option's own type."""
    if field.kind == "int" and value is not None:
        return int(value)
    if field.kind == "float" and value is not None:
        return float(value)
    if isinstance(field.default, (list, tuple)) and isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value


def _widget(field: OptionField, value: Any) -> Any:
    label = f"{field.label} ({field.unit})" if field.unit else field.label
    shared: dict[str, Any] = {
        "label": label,
        "info": field.help,
        "elem_id": f"option-{field.group}-{field.name}",
    }
    if field.kind == "bool":
        return gr.Checkbox(value, **shared)
    if field.choices:
        return gr.Dropdown(list(field.choices), value=value, **shared)
    if field.kind in ("int", "float"):
        return gr.Number(value, precision=0 if field.kind == "int" else None, **shared)
    return gr.Textbox(value, max_lines=1, **shared)
