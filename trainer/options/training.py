"""Options of a training run as a whole, and the presets.

What a run leaves out takes the default of its recipe, so no options at all is a valid choice.
Never imports torch.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from trainer.errors import TrainerError
from trainer.options.fields import read
from trainer.options.groups import (
    LoraOptions,
    QuantizationOptions,
    StoppingOptions,
    TrainingOptions,
)
from trainer.runs.run_folder import ADAPTER, FULL_MODEL

Group = TypeVar("Group")
# Learning rates beyond these are slips where every weight is trained, or an adapter.
MAX_FULL_RATE, MIN_ADAPTER_RATE = 5e-5, 1e-5


@dataclass(frozen=True)
class RunOptions:
    """All options of a training run, as the object `options` of `run.json`."""

    training: TrainingOptions = TrainingOptions()
    lora: LoraOptions | None = LoraOptions()  # None trains every weight of the model
    quantization: QuantizationOptions | None = None
    stopping: StoppingOptions | None = None

    def to_dict(self) -> dict[str, Any]:
        """The options for JSON; `from_dict` gives them back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, defaults: Self | None = None) -> Self:
        """Read options; what is missing stays as in `defaults` (the class's own without them).

        Raises TrainerError naming an unknown option or a value of the wrong kind; what the
        values mean together is checked by `problems`.
        """
        given = defaults or cls()
        unknown = sorted(data.keys() - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise TrainerError(
                f"There is no group of options {', '.join(unknown)}. "
                "Known are training, lora, quantization and stopping."
            )
        return dataclasses.replace(
            given,
            training=read(given.training, _group(data, "training"), "training"),
            lora=_optional(data, "lora", given.lora, LoraOptions()),
            quantization=_optional(data, "quantization", given.quantization, QuantizationOptions()),
            stopping=_optional(data, "stopping", given.stopping, StoppingOptions()),
        )

    def problems(self) -> list[str]:
        """Everything that is wrong or contradicts itself, one sentence each."""
        groups = (self.training, self.lora, self.quantization, self.stopping)
        found = [problem for group in groups if group for problem in group.problems()]
        if self.lora and self.lora.lora_dropout and self.training.disable_dropout:
            found.append("lora_dropout has no effect while disable_dropout is true. Change one.")
        if self.lora is None and self.quantization:
            found.append(
                "Weights in 4 bits cannot be trained: leave quantization out to train the whole "
                "model, or train an adapter (lora) on them."
            )
        return found

    def warnings(self) -> list[str]:
        """What can be done but hardly ever should be, one sentence each."""
        rate = self.training.learning_rate
        if self.lora is None and rate > MAX_FULL_RATE:
            return [
                f"A learning rate of {rate:g} suits an adapter; a full model is worn down by it. "
                "DPO takes 1e-6 to 5e-6 there."
            ]
        if self.lora is not None and rate < MIN_ADAPTER_RATE:
            return [
                f"A learning rate of {rate:g} suits a full model; an adapter hardly moves by it. "
                "DPO takes 1e-5 to 5e-4 there."
            ]
        return []

    @property
    def output(self) -> str:
        """The folder that a run leaves in its own: `adapter`, or `model` for a full model."""
        return ADAPTER if self.lora else FULL_MODEL


def _group(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    group = data.get(name, {})
    if not isinstance(group, Mapping):
        raise TrainerError(f"The options {name} are {group!r}, but must be an object.")
    return group


def _optional(
    data: Mapping[str, Any], name: str, given: Group | None, fresh: Group
) -> Group | None:
    if name not in data:
        return given
    if data[name] is None:
        return None
    return read(given or fresh, _group(data, name), name)


# Some dozens of pairs are soon learnt by heart, and answers then collapse. How far they move from
# the base's goes with the margin, so the run ends by margin and not after a fixed number of passes.
_QUICK = RunOptions(
    training=TrainingOptions(
        learning_rate=3e-4, num_train_epochs=3.0, lr_scheduler_type="constant", warmup_steps=0.0
    ),
    stopping=StoppingOptions(),
)

_ARTICLE = RunOptions(
    training=TrainingOptions(
        learning_rate=3e-4,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=2,
        max_steps=100,
        eval_steps=20,
        gradient_checkpointing=True,
        precompute_ref_log_probs=False,
        disable_dropout=False,
    ),
    lora=LoraOptions(r=8, lora_alpha=16, lora_dropout=0.05),
    quantization=QuantizationOptions(bnb_4bit_compute_dtype="float16"),
)

_QLORA_7B = RunOptions(
    training=TrainingOptions(
        learning_rate=5e-5,
        num_train_epochs=1.0,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=8,
        lr_scheduler_type="cosine",
        gradient_checkpointing=True,
        eval_steps=50,
        save_steps=50,
    ),
    lora=LoraOptions(r=16, lora_alpha=32),
    quantization=QuantizationOptions(),
)

# An adapter's few weights have to move far, a model's many hardly at all: the DPO paper takes 1e-6
# with RMSprop, TRL 1e-6 with AdamW. The upper end of 1e-6 to 5e-6, since runs here are short; and
# as in quick, few pairs are soon learnt by heart, so the run ends by margin.
_FULL = RunOptions(
    training=TrainingOptions(learning_rate=5e-6, num_train_epochs=3.0),
    lora=None,
    stopping=StoppingOptions(),
)

PRESETS: dict[str, RunOptions] = {
    "quick": _QUICK,
    "article": _ARTICLE,
    "qlora-7b": _QLORA_7B,
    "full": _FULL,
}
"""DPO options by the preset's name."""

PRESET_REASONS: dict[str, str] = {
    "quick": "For a small model and some dozens of pairs on a CPU; ends once the margin is enough.",
    "article": "The reference recipe of QLoRA DPO as published: 4 bits, LoRA r 8, 100 steps.",
    "qlora-7b": "For 7 to 8 billion parameters on one GPU of 24 GB: 4 bits, LoRA r 16, one pass.",
    "full": "For small models: no adapter, every weight is trained, in tiny steps of 5e-6.",
}


def trains_full_model(options: Mapping[str, Any]) -> bool:
    """Whether a run of these options, as in `run.json`, trains all weights and no adapter."""
    return options.get("lora", {}) is None


def recipe_defaults(kind: str, given: Mapping[str, Any]) -> RunOptions:
    """What a run of the kind dpo, sft or reward takes for options that are not `given`.

    Without an adapter (`"lora": null`) they are those of the preset full, else of quick.
    """
    options = PRESETS["full" if trains_full_model(given) else "quick"]
    if kind == "reward":
        return reward_options(options)
    return sft_options(options) if kind == "sft" else options


def sft_options(options: RunOptions) -> RunOptions:
    """Options for the SFT half of "SFT then DPO", made from those of its DPO half.

    With an adapter it takes a smaller rate, as SFT raises one answer instead of pushing two apart;
    a full model takes 2e-5, TRL's own for SFT. Two passes are enough for the model to speak in
    the style of the chosen answers. Nothing stops it early, as the stop is on rewards, which SFT
    has none of.
    """
    rate = 2e-4 if options.lora else 2e-5
    training = dataclasses.replace(options.training, learning_rate=rate, num_train_epochs=2.0)
    return dataclasses.replace(options, training=training, stopping=None)


def reward_options(options: RunOptions) -> RunOptions:
    """Options for a reward model: as chosen, but nothing stops it early.

    The stop looks at rewards against a reference model, which a reward model has none of.
    """
    return dataclasses.replace(options, stopping=None)
