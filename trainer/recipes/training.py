"""What the recipes share: reading a run, training the policy, keeping the result."""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset

from trainer.errors import TrainerError
from trainer.models import loading
from trainer.options.arguments import config_arguments
from trainer.options.groups import TrainingOptions
from trainer.options.presets import recipe_defaults
from trainer.options.training import RunOptions
from trainer.recipes.callbacks import RunCallback
from trainer.recipes.checkpoints import CHECKPOINTS, step_of, usable_checkpoint
from trainer.recipes.guard import NOTHING_KEPT, NonFiniteLossError
from trainer.recipes.output import save_output
from trainer.recipes.tokens import PairTokens, cut, tokenise
from trainer.runs.context import Cancelled, RunContext, RunFailed, num_ranks, rank
from trainer.runs.manifest import adapter_path, holds_full_model

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Trainer


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
        """Steps of the run from its start to its end."""
        return self.options.training.num_steps(len(self.train))


def read_options(context: RunContext) -> RunOptions:
    """The run's options, completed by its recipe's defaults; raises TrainerError if they cannot."""
    spec = context.spec
    options = RunOptions.from_dict(spec.options, defaults=recipe_defaults(spec.kind, spec.options))
    problems = options.problems()
    if problems:
        raise TrainerError("The options cannot work. " + " ".join(problems))
    starts_full = (
        spec.adapter is not None
        and spec.kind != "reward"
        and holds_full_model(adapter_path(context.data_folder, spec.adapter))
    )
    if problem := options.start_problem(spec.kind, spec.adapter, starts_full=starts_full):
        raise TrainerError(problem)
    return options


def prepare(context: RunContext) -> Setup:
    """Read options and data, tokenise, warn of what is cut, and write the event `started`."""
    options = read_options(context)
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
                  usable_checkpoint(context.folder / CHECKPOINTS))  # fmt: skip
    _write_started(setup)
    for warning in filter(None, warnings):
        context.events.write("warning", message=warning)
    return setup


def datasets(setup: Setup, row: Callable[[PairTokens], dict[str, Any]]) -> dict[str, Any]:
    """The pairs of a run as arguments of TRL's trainers, each as its recipe makes a `row` of it."""
    parts = {"train_dataset": setup.train, "eval_dataset": setup.heldout}
    return {
        name: Dataset.from_list([row(pair) for pair in pairs]) if pairs else None
        for name, pairs in parts.items()
    }


def trainer_arguments(setup: Setup) -> dict[str, Any]:
    """Arguments of TRL's configuration for runs of this kind."""
    context, training = setup.context, setup.options.training
    device = loading.pick_device(context.device).type
    return {
        **config_arguments(
            context.spec.kind,
            setup.options,
            device=device,
            dtype=dtype_name(context.device),
            num_heldout=len(setup.heldout),
        ),
        **_shared_batch(training, num_ranks()),
        "output_dir": str(context.folder / CHECKPOINTS),
        "save_strategy": "steps" if training.save_steps else "no",
        "save_steps": training.save_steps or 500,
        # Of a full model the one before is needed until the newest has proved good (see guard).
        "save_total_limit": 2 if setup.options.trains_full_model else 1,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "dataloader_pin_memory": device == "cuda",
        "ddp_find_unused_parameters": False,
    }


def _shared_batch(training: TrainingOptions, num_ranks: int) -> dict[str, int]:
    """The batch of one of several processes, which together take as many pairs a step as one."""
    batch = training.per_device_train_batch_size
    if batch % num_ranks == 0:
        return {"per_device_train_batch_size": batch // num_ranks}
    batches = training.gradient_accumulation_steps
    if batches % num_ranks == 0:
        return {"gradient_accumulation_steps": batches // num_ranks}
    raise TrainerError(
        f"{num_ranks} processes cannot share a batch of {batch}. Make per_device_train_batch_size "
        f"or gradient_accumulation_steps a multiple of {num_ranks}."
    )


def dtype_name(device: str) -> str:
    """The type that a run computes in, for example bfloat16."""
    return str(loading.pick_dtype(loading.pick_device(device))).removeprefix("torch.")


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
        if options.trains_full_model:
            ways.append("an adapter (lora)")
        elif options.quantization is None:
            ways.append("a base in 4 bits")
        raise TrainerError(f"The memory is full. Try {', or '.join(ways)}.") from error


def carry_out(trainer: "Trainer", callback: RunCallback, setup: Setup) -> dict[str, Any]:
    """Train, evaluate, save what was learnt; returns the summary of the `finished` event.

    Its `adapter` is the folder that holds it, of a full model too. Raises Cancelled when a stop
    was asked for, and RunFailed when the loss broke; both name what was saved on the way out.
    """
    context, options = setup.context, setup.options
    trainer.keeps_copy = not options.trains_full_model
    if setup.checkpoint is not None:
        trainer.count_on(setup.checkpoint)
    started = time.monotonic()
    try:
        trainer.train(resume_from_checkpoint=setup.checkpoint)
        if not trainer.has_finite_weights():
            raise NonFiniteLossError("The last step has broken the weights.")
    except NonFiniteLossError as error:
        kept = trainer.restore_last_good()
        saved = save_output(trainer, context, options) if kept else None
        advice = f"{kept or NOTHING_KEPT} Try again with a smaller learning rate."
        raise RunFailed(f"{error} {advice}", adapter=saved) from error
    if callback.cancelled and trainer.state.global_step == 0:
        raise Cancelled(summary={}, adapter=None)
    if setup.heldout and not callback.cancelled and callback.evaluated_at is None:
        trainer.evaluate()
    saved = save_output(trainer, context, options)
    summary = {
        "adapter": saved,
        "steps": trainer.state.global_step,
        "num_train": len(setup.train),
        "num_heldout": len(setup.heldout),
        "metrics": callback.metrics,
        "stopped_early": callback.stopped_early,
        **_cost(started),
    }
    if callback.cancelled:
        raise Cancelled(summary=summary, adapter=saved)
    if rank() == 0:
        shutil.rmtree(context.folder / CHECKPOINTS, ignore_errors=True)
    return summary


def _cost(started: float) -> dict[str, float]:
    """Seconds since the training started, and the most that its tensors have taken of a GPU."""
    seconds = round(time.monotonic() - started, 1)
    peak = torch.cuda.max_memory_allocated()
    of_gpu = {"peak_gpu_gib": round(peak / 1024**3, 2)} if peak else {}
    return {"training_seconds": seconds, **of_gpu}


def _write_started(setup: Setup) -> None:
    context = setup.context
    device = loading.pick_device(context.device)
    context.events.write(
        "started",
        num_train=len(setup.train),
        num_heldout=len(setup.heldout),
        num_tokens=sum(pair.num_tokens() for pair in setup.train),
        base=context.spec.base,
        reference=_reference_of(setup),
        device=device.type,
        dtype=dtype_name(context.device),
        options=setup.options.to_dict(),
        resumed_from_step=step_of(setup.checkpoint),
    )


def _reference_of(setup: Setup) -> str:
    """What the policy is held to: the name of what the run starts from, or the base model."""
    adapter = setup.context.spec.adapter
    held_to_base = setup.options.training.reference == "base"
    return "base model" if adapter is None or held_to_base else adapter
