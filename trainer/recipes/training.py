"""What the recipes share: reading a run, training the policy, keeping the result."""

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerState
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import get_last_checkpoint

from trainer import loading
from trainer.errors import TrainerError
from trainer.recipes.adapter_output import save_adapter
from trainer.recipes.callbacks import RunCallback
from trainer.recipes.guard import NonFiniteLossError
from trainer.recipes.options import RunOptions
from trainer.recipes.policy import prepare_adapter
from trainer.recipes.tokens import PairTokens, cut, tokenise
from trainer.run_context import Cancelled, RunContext, RunFailed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Trainer

# Options that TRL's configurations take as they are.
_PASSED_ON = (
    "learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size",
    "gradient_accumulation_steps", "per_device_eval_batch_size", "max_length",
    "gradient_checkpointing", "lr_scheduler_type", "warmup_steps", "weight_decay",
    "max_grad_norm", "optim", "logging_steps", "seed",
)  # fmt: skip


@dataclass(frozen=True)
class Setup:
    """A run that was read and found fit to start."""

    context: RunContext
    options: RunOptions
    tokenizer: "PreTrainedTokenizerBase"
    train: list[PairTokens]
    heldout: list[PairTokens]
    checkpoint: str | None  # resume from here

    def num_steps(self) -> int:
        """Steps of the whole run."""
        return self.options.training.num_steps(len(self.train))


def prepare(context: RunContext, defaults: RunOptions) -> Setup:
    """Read options and data, tokenise, warn of what is cut, and write the event `started`."""
    options = RunOptions.from_dict(context.spec.options, defaults=defaults)
    problems = options.problems()
    if problems:
        raise TrainerError("The options cannot work. " + " ".join(problems))
    tokenizer = loading.load_tokenizer(context.spec.base, context.data_folder)
    kept: dict[str, list[PairTokens]] = {}
    warnings = []
    for name in ("train.jsonl", "heldout.jsonl"):
        pairs = tokenise(tokenizer, context.rows(name), name)
        kept[name], fit = cut(pairs, options.training.max_length)
        warnings.append(fit.warning(options.training.max_length, f"Pairs of {name}"))
    if not kept["train.jsonl"]:
        raise TrainerError("There are no pairs to train on. Label some pairs first.")
    setup = Setup(context, options, tokenizer, kept["train.jsonl"], kept["heldout.jsonl"],
                  _usable_checkpoint(context.folder))  # fmt: skip
    _write_started(setup)
    for warning in filter(None, warnings):
        context.events.write("warning", message=warning)
    return setup


def trainer_arguments(setup: Setup) -> dict[str, Any]:
    """Arguments that DPOConfig and SFTConfig share."""
    training = setup.options.training
    device = loading.pick_device(setup.context.device)
    evaluate = bool(setup.heldout and training.eval_steps)
    return {
        **{name: getattr(training, name) for name in _PASSED_ON},
        "output_dir": str(setup.context.folder / "checkpoints"),
        "eval_strategy": "steps" if evaluate else "no",
        "eval_steps": training.eval_steps or None,
        "save_strategy": "steps" if training.save_steps else "no",
        "save_steps": training.save_steps or 500,
        "save_total_limit": 1,
        "logging_nan_inf_filter": False,
        "report_to": [],
        "disable_tqdm": True,
        "use_cpu": device.type == "cpu",
        "dataloader_pin_memory": device.type == "cuda",
        **_precision(device),
    }


def dtype_name(device: str) -> str:
    """The type that a run computes in, for example bfloat16."""
    return str(loading.pick_dtype(loading.pick_device(device))).removeprefix("torch.")


def _precision(device: torch.device) -> dict[str, bool]:
    dtype = loading.pick_dtype(device)
    return {"bf16": dtype is torch.bfloat16, "fp16": dtype is torch.float16}


@contextlib.contextmanager
def memory_advice(options: RunOptions) -> Iterator[None]:
    """Turn running out of memory into advice on what to make smaller."""
    try:
        yield
    except RuntimeError as error:
        is_full = isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)
        if not is_full:
            raise
        training = options.training
        batch = max(1, training.per_device_train_batch_size // 2)
        ways = [f"max_length {training.max_length // 2}"]
        if batch < training.per_device_train_batch_size:
            ways.insert(0, f"per_device_train_batch_size {batch}")
        if not training.gradient_checkpointing:
            ways.append("gradient_checkpointing")
        if options.quantization is None:
            ways.append("a base in 4 bits")
        raise TrainerError(f"The memory is full. Try {', or '.join(ways)}.") from error


def carry_out(trainer: "Trainer", callback: RunCallback, setup: Setup) -> dict[str, Any]:
    """Train, evaluate, save the adapter; returns the summary of the `finished` event.

    Raises Cancelled when a stop was asked for, and RunFailed when the loss broke; both name the
    adapter that was saved on the way out.
    """
    context = setup.context
    prepare_adapter(trainer)
    if setup.checkpoint is not None:
        _count_on(trainer, Path(setup.checkpoint))
    started = time.monotonic()
    try:
        trainer.train(resume_from_checkpoint=setup.checkpoint)
        if not trainer.has_finite_weights():
            raise NonFiniteLossError("The last step broke the adapter. Lower the learning rate.")
    except NonFiniteLossError as error:
        saved = None
        if trainer.restore_last_good():
            saved = save_adapter(trainer.model, context, setup.options)
        raise RunFailed(str(error), adapter=saved) from error
    if callback.cancelled and trainer.state.global_step == 0:
        raise Cancelled(summary={}, adapter=None)
    if setup.heldout and not callback.cancelled and callback.evaluated_at is None:
        trainer.evaluate()
    saved = save_adapter(trainer.model, context, setup.options)
    summary = {
        "adapter": saved,
        "steps": trainer.state.global_step,
        "num_train": len(setup.train),
        "num_heldout": len(setup.heldout),
        "metrics": callback.metrics,
        "stopped_early": callback.stopped_early,
        "training_seconds": round(time.monotonic() - started, 1),
    }
    if callback.cancelled:
        raise Cancelled(summary=summary, adapter=saved)
    shutil.rmtree(context.folder / "checkpoints", ignore_errors=True)
    return summary


def _count_on(trainer: "Trainer", checkpoint: Path) -> None:
    """Let TRL's metric num_tokens go on from a checkpoint instead of from 0."""
    history = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME)).log_history
    counts = [values["num_tokens"] for values in history if "num_tokens" in values]
    trainer._total_train_tokens = counts[-1] if counts else 0


def _write_started(setup: Setup) -> None:
    context = setup.context
    device = loading.pick_device(context.device)
    context.events.write(
        "started",
        num_train=len(setup.train),
        num_heldout=len(setup.heldout),
        num_tokens=sum(pair.num_tokens() for pair in setup.train),
        base=context.spec.base,
        reference="base model" if context.spec.adapter is None else context.spec.adapter,
        device=device.type,
        dtype=dtype_name(context.device),
        options=setup.options.to_dict(),
        resumed_from_step=_step_of(setup.checkpoint),
    )


def _usable_checkpoint(folder: Path) -> str | None:
    """The last checkpoint that was written to its end (its state file comes last)."""
    checkpoints = folder / "checkpoints"
    while checkpoints.is_dir():
        last = get_last_checkpoint(str(checkpoints))
        if last is None or (Path(last) / TRAINER_STATE_NAME).exists():
            return last
        shutil.rmtree(last)
    return None


def _step_of(checkpoint: str | None) -> int:
    return int(checkpoint.rpartition("-")[2]) if checkpoint else 0
