"""The groups of training options, under TRL's, peft's and bitsandbytes' own argument names.

Each says what is wrong with it; what the groups mean together is in `training`. Never imports
torch.
"""

import math
from dataclasses import dataclass

from trainer.options.fields import OptionGroup, option

# When to take which loss. A sum such as sigmoid+sft adds up TRL's loss types of these names.
LOSS_ADVICE = {
    "sigmoid": "The DPO paper's own: take it unless something speaks for another.",
    "sigmoid+sft": "Also keeps chosen answers likely: for when their log-probability falls far.",
    "sigmoid_norm": "Compares answers per token: for when chosen answers are mostly the longer.",
    "ipo": "Aims at a set margin per token: for few pairs, which sigmoid memorises.",
    "hinge": "Leaves a pair alone once its margin is 1: for pairs that are easy to rank.",
    "robust": "Expects a share of wrong verdicts, label_smoothing: for annotators who disagree.",
    "apo_zero": "Raises chosen, lowers rejected: for chosen answers better than the model's own.",
    "apo_down": "Lowers both, rejected more: for a model that already answers better than chosen.",
    "nca_pair": "Keeps chosen answers from getting less likely: for when both answers fall.",
}
LOSS_TYPES = tuple(LOSS_ADVICE)
_SMOOTHED = ("robust",)
_WITH_SFT = ("sigmoid+sft",)
# What the policy is held to: what the run starts from (the last adapter), or the base without any.
REFERENCES = ("start", "base")
_FOUR_BIT_TYPES = ("nf4", "fp4")
_DTYPES = ("bfloat16", "float16", "float32")
_SCHEDULERS = ("linear", "cosine", "constant", "constant_with_warmup")


@dataclass(frozen=True)
class TrainingOptions(OptionGroup):
    """Arguments of TRL's DPOConfig and SFTConfig; SFT has no use for the group Preference."""

    beta: float = option(
        0.1,
        "How strongly the model is held to its start; smaller moves further.",
        group="Preference",
        over=0,
    )
    loss_type: str = option(
        "sigmoid", "What a step makes smaller.", group="Preference", choices=LOSS_TYPES
    )
    label_smoothing: float = option(
        0.0,
        "Share of the verdicts that may be wrong; for the loss robust.",
        group="Preference",
        advanced=True,
        least=0,
        below=0.5,
    )
    sft_weight: float = option(
        1.0,
        "Weight of the part of sigmoid+sft that keeps chosen answers likely.",
        group="Preference",
        advanced=True,
        over=0,
    )
    reference: str = option(
        "start",
        "What the model is held to: start is what the run starts from, so each round moves on "
        "from the last; base is the original model, so rounds together stay near it.",
        group="Preference",
        advanced=True,
        choices=REFERENCES,
    )
    learning_rate: float = option(
        3e-4, "Size of a step. With LoRA 1e-5 to 5e-4; too large and answers collapse.", over=0
    )
    num_train_epochs: float = option(3.0, "How often each pair is seen.", unit="epochs", over=0)
    max_steps: int = option(
        -1, "Stop after this many steps instead; -1 counts epochs.", unit="steps", advanced=True
    )
    per_device_train_batch_size: int = option(
        4, "Pairs computed at once; fewer need less memory.", unit="pairs", group="Memory", least=1
    )
    gradient_accumulation_steps: int = option(
        1, "Batches that are added up before a step.", unit="batches", group="Memory", least=1
    )
    per_device_eval_batch_size: int = option(
        4,
        "Held-out pairs computed at once.",
        unit="pairs",
        group="Memory",
        advanced=True,
        least=1,
    )
    max_length: int = option(
        1024, "Prompt and answer together are cut to this.", unit="tokens", group="Memory", least=16
    )
    gradient_checkpointing: bool = option(
        False, "Compute again instead of remembering: less memory, a third slower.", group="Memory"
    )
    precompute_ref_log_probs: bool = option(
        True,
        "Compute the reference model once per pair before the start.",
        group="Memory",
        advanced=True,
    )
    lr_scheduler_type: str = option(
        "linear", "How the step size changes over the run.", advanced=True, choices=_SCHEDULERS
    )
    warmup_steps: float = option(
        0.1,
        "Small steps at first: a number of steps, or a share below 1.",
        unit="steps",
        advanced=True,
        least=0,
    )
    weight_decay: float = option(0.0, "Pulls weights to zero.", advanced=True, least=0)
    max_grad_norm: float = option(1.0, "Longer gradients are shortened.", advanced=True, least=0)
    optim: str = option("adamw_torch_fused", "Optimiser, by its name in Trainer.", advanced=True)
    disable_dropout: bool = option(
        True, "Switch all dropout off, as TRL does for DPO.", advanced=True
    )
    logging_steps: int = option(
        1, "Write the curves every so many.", unit="steps", advanced=True, least=1
    )
    eval_steps: int = option(
        10,
        "Measure on held-out pairs every so many; 0 only at the end.",
        unit="steps",
        advanced=True,
        least=0,
    )
    save_steps: int = option(
        20,
        "Keep a checkpoint every so many; 0 only when stopped.",
        unit="steps",
        advanced=True,
        least=0,
    )
    seed: int = option(42, "The same seed and data give the same run.", advanced=True, least=0)

    def num_pairs_a_step(self) -> int:
        """Pairs that one step learns from, on one device."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps

    def num_steps(self, num_train: int) -> int:
        """Steps of a run on so many pairs."""
        if self.max_steps > 0:
            return self.max_steps
        num_batches = math.ceil(num_train / self.per_device_train_batch_size)
        steps_an_epoch = math.ceil(num_batches / self.gradient_accumulation_steps)
        return math.ceil(steps_an_epoch * self.num_train_epochs)

    def contradictions(self) -> list[str]:
        """A loss whose own options are set for another, and no steps at all."""
        rules = {
            f"max_steps is {self.max_steps}; it must be 1 or more, or -1 to count epochs.": (
                self.max_steps == -1 or self.max_steps >= 1
            ),
            f"label_smoothing has no effect on the loss {self.loss_type}. Choose robust, or 0.": (
                self.label_smoothing == 0 or self.loss_type in _SMOOTHED
            ),
            f"sft_weight has no effect on the loss {self.loss_type}. Choose sigmoid+sft, or 1.": (
                self.sft_weight == 1 or self.loss_type in _WITH_SFT
            ),
        }
        return [problem for problem, holds in rules.items() if not holds]


@dataclass(frozen=True)
class LoraOptions(OptionGroup):
    """Arguments of peft's LoraConfig."""

    r: int = option(8, "Rank: the adapter's size.", group="Adapter", least=1)
    lora_alpha: int = option(16, "Weight of the adapter is alpha / r.", group="Adapter", least=1)
    lora_dropout: float = option(
        0.0,
        "Share of inputs dropped while training.",
        group="Adapter",
        advanced=True,
        least=0,
        below=1,
    )
    target_modules: str | tuple[str, ...] = option(
        "all-linear", "Layers that get an adapter.", group="Adapter", advanced=True
    )
    use_rslora: bool = option(
        False, "Weigh by alpha / sqrt(r), for large ranks.", group="Adapter", advanced=True
    )

    def contradictions(self) -> list[str]:
        """An adapter for no layer."""
        named = bool(self.target_modules)
        return [] if named else ["target_modules is empty; name layers, or all-linear."]


@dataclass(frozen=True)
class QuantizationOptions(OptionGroup):
    """Arguments of BitsAndBytesConfig: the base model in 4 bits, to save memory."""

    load_in_4bit: bool = option(True, "Keep the base in 4 bits.", group="Memory")
    bnb_4bit_quant_type: str = option(
        "nf4", "4-bit data type.", group="Memory", advanced=True, choices=_FOUR_BIT_TYPES
    )
    bnb_4bit_use_double_quant: bool = option(
        True, "Quantise the scales as well.", group="Memory", advanced=True
    )
    bnb_4bit_compute_dtype: str = option(
        "bfloat16", "Dtype to compute in.", group="Memory", advanced=True, choices=_DTYPES
    )

    def contradictions(self) -> list[str]:
        """A quantisation that does not quantise."""
        is_on = self.load_in_4bit
        return [] if is_on else ["load_in_4bit is false; leave the quantization out instead."]


@dataclass(frozen=True)
class StoppingOptions(OptionGroup):
    """Ends a DPO run early, once margin and accuracy are enough: small data is soon memorised."""

    rewards_margins: float = option(
        1.5, "Reward margin that is enough, as the mean of the last steps.", advanced=True
    )
    rewards_accuracies: float = option(
        0.9, "Reward accuracy that is needed as well.", advanced=True, over=0, most=1
    )
    num_steps: int = option(
        5, "Over how many steps both are averaged.", unit="steps", advanced=True, least=1
    )
