"""Which option becomes which argument of TRL and peft, for training and for the plain script.

Those of bitsandbytes are the options themselves. Light: never imports torch.
"""

from typing import Any

from trainer.options.groups import TrainingOptions
from trainer.options.training import RunOptions

# Options that all of TRL's configurations take as they are, in the order of the form.
_PASSED_ON = (
    "learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size",
    "gradient_accumulation_steps", "per_device_eval_batch_size", "max_length",
    "gradient_checkpointing", "lr_scheduler_type", "warmup_steps", "weight_decay",
    "max_grad_norm", "optim", "logging_steps", "seed",
)  # fmt: skip


def config_arguments(
    kind: str, options: RunOptions, *, device: str, dtype: str, num_heldout: int
) -> dict[str, Any]:
    """The arguments of TRL's DPOConfig, SFTConfig or RewardConfig that a run's options decide.

    `kind` is dpo, sft or reward, `device` cpu or cuda, and `dtype` what the run computes in, such
    as bfloat16.
    """
    training = options.training
    evaluates = bool(num_heldout and training.eval_steps)
    return {
        **{name: getattr(training, name) for name in _PASSED_ON},
        "eval_strategy": "steps" if evaluates else "no",
        "eval_steps": training.eval_steps or None,
        "bf16": dtype == "bfloat16",
        "fp16": dtype == "float16",
        "use_cpu": device == "cpu",
        "report_to": [],
        **_of_kind(kind, training),
    }


def _of_kind(kind: str, training: TrainingOptions) -> dict[str, Any]:
    """The arguments that the configuration of this kind alone needs."""
    if kind == "sft":
        return {"completion_only_loss": True}
    if kind == "reward":
        return {"disable_dropout": training.disable_dropout}
    losses = training.loss_type.split("+")
    return {
        "beta": training.beta,
        "loss_type": losses,
        "loss_weights": [training.sft_weight if loss == "sft" else 1.0 for loss in losses],
        "label_smoothing": training.label_smoothing,
        "disable_dropout": training.disable_dropout,
    }


def lora_arguments(options: RunOptions) -> dict[str, Any]:
    """The arguments of peft's LoraConfig, of a run that trains an adapter, without `task_type`."""
    values: dict[str, Any] = options.to_dict()["lora"]
    if not isinstance(values["target_modules"], str):
        values["target_modules"] = list(values["target_modules"])
    return values
