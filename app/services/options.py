"""The training options as a form shows them: one field each, and the values of a preset."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from storage.errors import InputError
from trainer.recipes.option_groups import (
    LoraOptions,
    QuantizationOptions,
    StoppingOptions,
    TrainingOptions,
)
from trainer.recipes.options import PRESET_REASONS, PRESETS, RunOptions

_SECTIONS = {
    "training": TrainingOptions,
    "lora": LoraOptions,
    "quantization": QuantizationOptions,
    "stopping": StoppingOptions,
}


@dataclass(frozen=True)
class OptionField:
    """One option: where it belongs in a run's options, and what a form shows."""

    section: str  # group in run.json: training, lora, quantization or stopping
    name: str  # the argument's own name in TRL, peft or bitsandbytes
    group: str  # Preference, Learning, Adapter or Memory
    help: str
    unit: str
    default: Any
    choices: tuple[str, ...]
    advanced: bool


def option_fields() -> list[OptionField]:
    """All options in the order of their sections."""
    return [
        OptionField(section=section, name=field.name, default=field.default, **field.metadata)
        for section, options in _SECTIONS.items()
        for field in dataclasses.fields(options)
    ]


def preset_choices() -> list[tuple[str, str]]:
    """The presets as (name, why one would take it)."""
    return list(PRESET_REASONS.items())


def preset_options(preset: str) -> RunOptions:
    """A preset's options; raises InputError for a name that no preset has."""
    if preset not in tuple(PRESETS):
        raise InputError(f'There is no preset "{preset}". Choose one of: {", ".join(PRESETS)}.')
    return PRESETS[preset]


def preset_values(preset: str) -> dict[str, Any]:
    """A preset's options by section; a section is None when the preset leaves it out.

    Raises InputError for a name that no preset has.
    """
    return preset_options(preset).to_dict()
