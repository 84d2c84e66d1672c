"""The training options as a form shows them: one field each, and the values of a preset."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from app.services.context import Context, User
from storage.errors import InputError
from storage.labelling.statistics import Agreement, agreement
from storage.training import presets
from trainer.options.fields import About
from trainer.options.groups import (
    LOSS_ADVICE,
    LoraOptions,
    QuantizationOptions,
    StoppingOptions,
    TrainingOptions,
)
from trainer.options.presets import PRESET_REASONS, PRESETS
from trainer.options.training import RunOptions

_SECTIONS = {
    "training": TrainingOptions,
    "lora": LoraOptions,
    "quantization": QuantizationOptions,
    "stopping": StoppingOptions,
}

OWN_REASON = "Saved here under its own name."
MAX_NAME_CHARACTERS = 40
SMOOTHED_LOSS = "robust"
MAX_SMOOTHING = 0.4  # 0.5 would say that verdicts are drawn by lot, and nothing can be learnt


@dataclass(frozen=True, kw_only=True)
class OptionField(About):
    """One option: where it belongs in a run's options, and what a form shows."""

    section: str  # group in run.json: training, lora, quantization or stopping
    name: str  # the argument's own name in TRL, peft or bitsandbytes
    default: Any


def option_fields() -> list[OptionField]:
    """All options in the order of their sections."""
    return [
        OptionField(
            section=section,
            name=field.name,
            default=field.default,
            **vars(field.metadata["about"]),
        )
        for section, options in _SECTIONS.items()
        for field in dataclasses.fields(options)
    ]


def preset_choices(context: Context) -> dict[str, str]:
    """The presets by name, with why one would take it; first the built-in ones."""
    with context.database.read_scope() as session:
        own = [preset.name for preset in presets.list_presets(session)]
    return {**PRESET_REASONS, **dict.fromkeys(own, OWN_REASON)}


def is_built_in(preset: str) -> bool:
    """Whether the preset comes with PairTune, so that it cannot be changed or deleted."""
    return preset.casefold() in PRESETS


def preset_options(context: Context, preset: str) -> RunOptions:
    """A preset's options; raises InputError for a name that no preset has."""
    if not isinstance(preset, str):
        raise InputError(f"A preset is chosen by its name, but there is no preset {preset!r}.")
    if preset in PRESETS:
        return PRESETS[preset]
    with context.database.read_scope() as session:
        own = presets.find_preset(session, preset)
    if own is None:
        known = ", ".join(preset_choices(context))
        raise InputError(f'There is no preset "{preset}". Choose one of: {known}.')
    return RunOptions.from_dict(own.options)


def preset_values(context: Context, preset: str) -> dict[str, Any]:
    """A preset's options by section; a section is None when the preset leaves it out.

    Raises InputError for a name that no preset has.
    """
    return preset_options(context, preset).to_dict()


def save_preset(
    context: Context, user: User, name: str, preset: str, changes: dict[str, Any]
) -> str:
    """Keep a preset with changes laid over it under a name, and return the name as stored.

    An own preset of this name takes over the options. Raises InputError for a name that cannot
    be taken and for options that cannot train, TrainerError for options that do not exist.
    """
    name = _preset_name(name)
    options = RunOptions.from_dict(changes, defaults=preset_options(context, preset))
    problems = options.problems()
    if problems:
        raise InputError(f"The preset was not saved. {' '.join(problems)}")
    with context.database.session_scope() as session:
        presets.save_preset(session, name, options.to_dict(), user.name)
    return name


def delete_preset(context: Context, name: str) -> None:
    """Delete an own preset; raises InputError for a built-in one and for an unknown name."""
    if is_built_in(name):
        raise InputError(f'The preset "{name}" comes with PairTune and cannot be deleted.')
    with context.database.session_scope() as session:
        presets.delete_preset(session, name)


def _preset_name(name: str) -> str:
    """The name without spaces around it; raises InputError where it cannot be a preset's."""
    words = " ".join(name.split())
    if not 1 <= len(words) <= MAX_NAME_CHARACTERS or not words.isprintable():
        raise InputError(
            f"A preset's name has 1 to {MAX_NAME_CHARACTERS} characters that can be seen, but "
            f"this one has {len(words)}. Choose another name."
        )
    if is_built_in(words):
        raise InputError(
            f'The preset "{words}" comes with PairTune and stays as it is. Choose another name.'
        )
    return words


@dataclass(frozen=True)
class LossAdvice:
    """What a form shows for the chosen loss, and the smoothing that goes with it."""

    text: str
    label_smoothing: float


def loss_line(loss_type: str) -> str:
    """When to take the loss, in one line; raises InputError for an unknown one."""
    if loss_type not in tuple(LOSS_ADVICE):
        raise InputError(
            f'There is no loss "{loss_type}". Choose one of: {", ".join(LOSS_ADVICE)}.'
        )
    return LOSS_ADVICE[loss_type]


def loss_advice(context: Context, loss_type: str) -> LossAdvice:
    """When to take the loss; for the one that expects wrong verdicts, how many were measured.

    Raises InputError for an unknown loss.
    """
    advice = loss_line(loss_type)
    if loss_type != SMOOTHED_LOSS:
        return LossAdvice(advice, 0.0)
    with context.database.read_scope() as session:
        found = agreement(session)
    if not found.num_compared:
        words = "No two annotators have judged the same pair yet, so set label_smoothing by hand."
        return LossAdvice(f"{advice} {words}", 0.0)
    share = found.num_disagreeing / found.num_compared
    smoothing = share_of_wrong_verdicts(found)
    pairs = "1 pair" if found.num_pairs == 1 else f"{found.num_pairs:,} pairs"
    return LossAdvice(
        f"{advice} On {pairs} judged by several annotators, {share:.0%} of the verdicts disagree "
        f"when compared two by two, so label_smoothing (under More) is set to {smoothing:g}.",
        smoothing,
    )


def share_of_wrong_verdicts(found: Agreement) -> float:
    """The share e of wrong verdicts, 0 to MAX_SMOOTHING, that explains the disagreement.

    Two annotators who are each wrong with chance e, independently, disagree with chance
    2 e (1 - e); this is solved for e.
    """
    share = min(found.num_disagreeing / found.num_compared, 0.5)
    return min(round((1 - math.sqrt(1 - 2 * share)) / 2, 2), MAX_SMOOTHING)
