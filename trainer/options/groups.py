"""The groups of training options, under TRL's, peft's and bitsandbytes' own argument names.

Each says what is wrong with it; what the groups mean together is in `options`. Never imports torch.
"""

import math
from dataclasses import dataclass

from trainer.options.fields import About, option

# When to take which loss. A sum such as sigmoid+sft adds up TRL's loss types of these names.
LOSS_ADVICE = {
    "sigmoid": "The DPO paper's own: take it unless something speaks for another.",
    "sigmoid+sft": "Also keeps chosen answers likely: for when their log-probability falls far.",
    "sigmoid_norm": "Compares answers per token: for when chosen answers are mostly the longer.",
    "ipo": "Aims at a set margin per token: for few pairs, which sigmoid learns by heart.",
    "hinge": "Leaves a pair alone once its margin is 1: for pairs that are easily told apart.",
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
class TrainingOptions:
    """Arguments of TRL's DPOConfig and SFTConfig; SFT has no use for the group Preference."""

    beta: float = option(
        0.1,
        About(
            "How strongly the model is held to its start; smaller moves further.",
            group="Preference",
        ),
    )
    loss_type: str = option(
        "sigmoid",
        About(
            "What a step makes smaller.",
            group="Preference",
            choices=LOSS_TYPES,
        ),
    )
    label_smoothing: float = option(
        0.0,
        About(
            "Share of the verdicts that may be wrong; for the loss robust.",
            group="Preference",
            advanced=True,
        ),
    )
    sft_weight: float = option(
        1.0,
        About(
            "Weight of the part of sigmoid+sft that keeps chosen answers likely.",
            group="Preference",
            advanced=True,
        ),
    )
    reference: str = option(
        "start",
        About(
            "What the model is held to: start is what the run starts from, so each round moves on "
            "from the last; base is the original model, so rounds together stay near it.",
            group="Preference",
            advanced=True,
            choices=REFERENCES,
        ),
    )
    learning_rate: float = option(
        3e-4, About("Size of a step. With LoRA 1e-5 to 5e-4; too large and answers collapse.")
    )
    num_train_epochs: float = option(3.0, About("How often each pair is seen.", "epochs"))
    max_steps: int = option(
        -1, About("Stop after this many steps instead; -1 counts epochs.", "steps", advanced=True)
    )
    per_device_train_batch_size: int = option(
        4, About("Pairs computed at once; fewer need less memory.", "pairs", "Memory")
    )
    gradient_accumulation_steps: int = option(
        1, About("Batches that are added up before a step.", "batches", "Memory")
    )
    per_device_eval_batch_size: int = option(
        4, About("Held-out pairs computed at once.", "pairs", "Memory", advanced=True)
    )
    max_length: int = option(
        1024, About("Prompt and answer together are cut to this.", "tokens", "Memory")
    )
    gradient_checkpointing: bool = option(
        False,
        About("Compute again instead of remembering: less memory, a third slower.", group="Memory"),
    )
    precompute_ref_log_probs: bool = option(
        True,
        About(
            "Compute the reference model once per pair before the start.",
            group="Memory",
            advanced=True,
        ),
    )
    lr_scheduler_type: str = option(
        "linear",
        About("How the step size changes over the run.", advanced=True, choices=_SCHEDULERS),
    )
    warmup_steps: float = option(
        0.1,
        About(
            "Small steps at first: a number of steps, or a share below 1.", "steps", advanced=True
        ),
    )
    weight_decay: float = option(0.0, About("Pulls weights to zero.", advanced=True))
    max_grad_norm: float = option(1.0, About("Longer gradients are shortened.", advanced=True))
    optim: str = option(
        "adamw_torch_fused", About("Optimiser, by its name in Trainer.", advanced=True)
    )
    disable_dropout: bool = option(
        True, About("Switch all dropout off, as TRL does for DPO.", advanced=True)
    )
    logging_steps: int = option(1, About("Write the curves every so many.", "steps", advanced=True))
    eval_steps: int = option(
        10,
        About(
            "Measure on held-out pairs every so many; 0 only at the end.", "steps", advanced=True
        ),
    )
    save_steps: int = option(
        20, About("Keep a checkpoint every so many; 0 only when stopped.", "steps", advanced=True)
    )
    seed: int = option(42, About("The same seed and data give the same run.", advanced=True))

    def num_pairs_a_step(self) -> int:
        """Pairs that one step learns from, on one device."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps

    def num_steps(self, num_train: int) -> int:
        """Steps of a whole run on so many pairs."""
        if self.max_steps > 0:
            return self.max_steps
        num_batches = math.ceil(num_train / self.per_device_train_batch_size)
        steps_an_epoch = math.ceil(num_batches / self.gradient_accumulation_steps)
        return math.ceil(steps_an_epoch * self.num_train_epochs)

    def loss_weights(self) -> list[float]:
        """TRL's weights of the loss types that `loss_type` adds up, in their order."""
        names = self.loss_type.split("+")
        return [self.sft_weight if name == "sft" else 1.0 for name in names]

    def problems(self) -> list[str]:
        """Everything that is wrong, one sentence each; empty when all is well."""
        rules = {
            f"learning_rate is {self.learning_rate}; it must be over 0.": self.learning_rate > 0,
            f"num_train_epochs is {self.num_train_epochs}; it must be over 0.": (
                self.num_train_epochs > 0
            ),
            f"max_steps is {self.max_steps}; it must be 1 or more, or -1 to count epochs.": (
                self.max_steps == -1 or self.max_steps >= 1
            ),
            f"lr_scheduler_type is {self.lr_scheduler_type}; choose one of "
            f"{', '.join(_SCHEDULERS)}.": self.lr_scheduler_type in _SCHEDULERS,
        }
        at_least = {
            "warmup_steps": 0,
            "weight_decay": 0,
            "max_grad_norm": 0,
            "eval_steps": 0,
            "save_steps": 0,
            "seed": 0,
            "logging_steps": 1,
            "max_length": 16,
            "per_device_train_batch_size": 1,
            "per_device_eval_batch_size": 1,
            "gradient_accumulation_steps": 1,
        }
        for name, least in at_least.items():
            value = getattr(self, name)
            rules[f"{name} is {value}; it must be {least} or more."] = value >= least
        rules |= self._preference_rules()
        return [problem for problem, holds in rules.items() if not holds]

    def _preference_rules(self) -> dict[str, bool]:
        """What the group Preference has to keep to: the problem, and whether all is well."""
        return {
            f"beta is {self.beta}; it must be over 0.": self.beta > 0,
            f"loss_type is {self.loss_type}; choose one of {', '.join(LOSS_TYPES)}.": (
                self.loss_type in LOSS_TYPES
            ),
            f"label_smoothing is {self.label_smoothing}; it must be from 0 to below 0.5.": (
                0 <= self.label_smoothing < 0.5
            ),
            f"label_smoothing has no effect on the loss {self.loss_type}. Choose robust, or 0.": (
                self.label_smoothing == 0 or self.loss_type in _SMOOTHED
            ),
            f"sft_weight is {self.sft_weight}; it must be over 0.": self.sft_weight > 0,
            f"sft_weight has no effect on the loss {self.loss_type}. Choose sigmoid+sft, or 1.": (
                self.sft_weight == 1 or self.loss_type in _WITH_SFT
            ),
            f"reference is {self.reference}; choose one of {', '.join(REFERENCES)}.": (
                self.reference in REFERENCES
            ),
        }


@dataclass(frozen=True)
class LoraOptions:
    """Arguments of peft's LoraConfig."""

    r: int = option(8, About("Rank: the adapter's size.", group="Adapter"))
    lora_alpha: int = option(16, About("Weight of the adapter is alpha / r.", group="Adapter"))
    lora_dropout: float = option(
        0.0, About("Share of inputs dropped while training.", group="Adapter", advanced=True)
    )
    target_modules: str | tuple[str, ...] = option(
        "all-linear", About("Layers that get an adapter.", group="Adapter", advanced=True)
    )
    use_rslora: bool = option(
        False, About("Weigh by alpha / sqrt(r), for large ranks.", group="Adapter", advanced=True)
    )

    def problems(self) -> list[str]:
        """Everything that is wrong, one sentence each; empty when all is well."""
        rules = {
            f"r is {self.r}; it must be 1 or more.": self.r >= 1,
            f"lora_alpha is {self.lora_alpha}; it must be 1 or more.": self.lora_alpha >= 1,
            f"lora_dropout is {self.lora_dropout}; it must be from 0 to below 1.": (
                0 <= self.lora_dropout < 1
            ),
            "target_modules is empty; name layers, or all-linear.": bool(self.target_modules),
        }
        return [problem for problem, holds in rules.items() if not holds]


@dataclass(frozen=True)
class QuantizationOptions:
    """Arguments of BitsAndBytesConfig: the base model in 4 bits, to save memory."""

    load_in_4bit: bool = option(True, About("Keep the base in 4 bits.", group="Memory"))
    bnb_4bit_quant_type: str = option(
        "nf4",
        About("Kind of 4-bit numbers.", group="Memory", advanced=True, choices=_FOUR_BIT_TYPES),
    )
    bnb_4bit_use_double_quant: bool = option(
        True, About("Quantise the scales as well.", group="Memory", advanced=True)
    )
    bnb_4bit_compute_dtype: str = option(
        "bfloat16", About("Type to compute in.", group="Memory", advanced=True, choices=_DTYPES)
    )

    def problems(self) -> list[str]:
        """Everything that is wrong, one sentence each; empty when all is well."""
        rules = {
            "load_in_4bit is false; leave the quantization out instead.": self.load_in_4bit,
            f"bnb_4bit_quant_type is {self.bnb_4bit_quant_type}; choose nf4 or fp4.": (
                self.bnb_4bit_quant_type in _FOUR_BIT_TYPES
            ),
            f"bnb_4bit_compute_dtype is {self.bnb_4bit_compute_dtype}; choose one of "
            f"{', '.join(_DTYPES)}.": self.bnb_4bit_compute_dtype in _DTYPES,
        }
        return [problem for problem, holds in rules.items() if not holds]


@dataclass(frozen=True)
class StoppingOptions:
    """Ends a DPO run early, once it has learnt enough: small data is soon learnt too well."""

    rewards_margins: float = option(
        1.5, About("Reward margin that is enough, as the mean of the last steps.", advanced=True)
    )
    rewards_accuracies: float = option(
        0.9, About("Reward accuracy that is needed as well.", advanced=True)
    )
    num_steps: int = option(
        5, About("Over how many steps both are averaged.", "steps", advanced=True)
    )

    def problems(self) -> list[str]:
        """Everything that is wrong, one sentence each; empty when all is well."""
        rules = {
            f"rewards_accuracies is {self.rewards_accuracies}; it must be over 0, up to 1.": (
                0 < self.rewards_accuracies <= 1
            ),
            f"num_steps is {self.num_steps}; it must be 1 or more.": self.num_steps >= 1,
        }
        return [problem for problem, holds in rules.items() if not holds]
