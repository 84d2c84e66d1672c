"""Options of a training run as a whole: its groups, and what they mean together; never torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainer.options.fields import OptionGroup
from trainer.options.groups import (
    LoraOptions,
    QuantizationOptions,
    StoppingOptions,
    TrainingOptions,
)
from trainer.runs.manifest import ADAPTER, FULL_MODEL

# Learning rates beyond these are slips where every weight is trained, or an adapter.
MAX_FULL_RATE, MIN_ADAPTER_RATE = 5e-5, 1e-5


@dataclass(frozen=True)
class RunOptions(OptionGroup):
    """All options of a training run, as the object `options` of `run.json`."""

    training: TrainingOptions = TrainingOptions()
    lora: LoraOptions | None = LoraOptions()  # None trains every weight of the model
    quantization: QuantizationOptions | None = None
    stopping: StoppingOptions | None = None

    def contradictions(self) -> list[str]:
        """Options of one group that those of another leave without effect, or rule out."""
        found = []
        if self.lora and self.lora.lora_dropout and self.training.disable_dropout:
            found.append("lora_dropout has no effect while disable_dropout is true. Change one.")
        if self.trains_full_model and self.quantization:
            found.append(
                "Weights in 4 bits cannot be trained: leave quantization out to train the full "
                "model, or train an adapter (lora) on them."
            )
        return found

    def warnings(self) -> list[str]:
        """What can be done but hardly ever should be, one sentence each."""
        rate = self.training.learning_rate
        if self.trains_full_model and rate > MAX_FULL_RATE:
            return [
                f"A learning rate of {rate:g} suits an adapter; a full model is worn down by it. "
                "DPO takes 1e-6 to 5e-6 there."
            ]
        if not self.trains_full_model and rate < MIN_ADAPTER_RATE:
            return [
                f"A learning rate of {rate:g} suits a full model; an adapter hardly moves by it. "
                "DPO takes 1e-5 to 5e-4 there."
            ]
        return []

    @property
    def trains_full_model(self) -> bool:
        """Whether every weight of the model is trained, and no adapter."""
        return self.lora is None

    def start_problem(self, kind: str, start: str | None, *, starts_full: bool) -> str | None:
        """Why a run of this kind cannot start from there, or train what it shall; None if it can.

        `start` names what another run has trained, a full model or an adapter; None is the base.
        """
        if kind == "reward":
            if self.trains_full_model:
                return (
                    "A reward model is trained as an adapter with a score head, never as a full "
                    "model. Choose another preset than full, or give lora its options."
                )
            return start and (
                "A reward model starts from the base model, not from what another run has trained. "
                "Choose the base model."
            )
        if start is None or starts_full == self.trains_full_model:
            return None
        if starts_full:
            return (
                f"{start} is a full model, and this trains an adapter. Choose the preset full "
                "(lora is null), or take that model as the base model."
            )
        return (
            f"{start} is an adapter, and this trains a full model. Export it merged and take that "
            "as the base model, or choose another preset."
        )

    @property
    def output(self) -> str:
        """The folder that a run leaves in its own: `adapter`, or `model` for a full model."""
        return FULL_MODEL if self.trains_full_model else ADAPTER


def trains_full_model(options: Mapping[str, Any]) -> bool:
    """The same of options as `run.json` has them, which may leave out all that is default."""
    return options.get("lora", {}) is None
