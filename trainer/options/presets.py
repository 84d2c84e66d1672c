"""The presets, and what a recipe takes for options that a run leaves out; never imports torch.

No options at all are a valid choice.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from trainer.options.groups import (
    LoraOptions,
    QuantizationOptions,
    StoppingOptions,
    TrainingOptions,
)
from trainer.options.training import RunOptions, trains_full_model

# Some dozens of pairs are soon memorised, and answers then collapse. How far they move from
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
# as in quick, few pairs are soon memorised, so the run ends by margin.
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
    rate = 2e-5 if options.trains_full_model else 2e-4
    training = dataclasses.replace(options.training, learning_rate=rate, num_train_epochs=2.0)
    return dataclasses.replace(options, training=training, stopping=None)


def reward_options(options: RunOptions) -> RunOptions:
    """Options for a reward model: as chosen, but nothing stops it early.

    The stop looks at rewards against a reference model, which a reward model has none of.
    """
    return dataclasses.replace(options, stopping=None)
