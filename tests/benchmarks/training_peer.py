"""One measurement of the training benchmark in its own process; prints its result as JSON.

`python -m tests.benchmarks.training_peer RUN_FOLDER plain` trains the run's pairs with TRL's own
DPOTrainer, `precomputed` with its references computed beforehand, and `work` measures what the
machine can do and how much there is to do.
"""

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from trl import DPOConfig, DPOTrainer

from trainer import loading, run_folder
from trainer.recipes.options import PRESETS, RunOptions
from trainer.recipes.tokens import cut, tokenise
from trainer.run_folder import RunSpec

MATRIX_SIZE = 2048
NUM_PRODUCTS = 40

# Options of the run that TRL takes under the same names.
SAME = (
    "beta", "learning_rate", "num_train_epochs", "per_device_train_batch_size", "max_length",
    "gradient_checkpointing", "lr_scheduler_type", "warmup_steps", "optim", "logging_steps", "seed",
)  # fmt: skip


def train_with_trl(folder: Path, *, precompute: bool) -> dict[str, Any]:
    """Seconds of the reference pass and of training, and the last loss."""
    spec = run_folder.read_spec(folder)
    data_folder = run_folder.data_folder_of(folder)
    options = _options(spec)
    model = loading.load_model(spec.base, data_folder, device="cpu")
    arguments = DPOConfig(
        **{name: getattr(options.training, name) for name in SAME},
        output_dir=str(folder / "trl"),
        bf16=loading.pick_dtype(model.device) is torch.bfloat16,
        precompute_ref_log_probs=precompute,
        use_cpu=True,
        dataloader_pin_memory=False,
        save_strategy="no",
        report_to=[],
    )
    rows = run_folder.read_rows(folder, "train.jsonl")
    trainer = TimedTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=loading.load_tokenizer(spec.base, data_folder),
        peft_config=LoraConfig(task_type="CAUSAL_LM", **options.to_dict()["lora"]),
    )
    started = time.perf_counter()
    trainer.train()
    losses = [values["loss"] for values in trainer.state.log_history if "loss" in values]
    return {
        "reference_seconds": trainer.reference_seconds,
        "training_seconds": time.perf_counter() - started,
        "loss": statistics.fmean(losses),
    }


class TimedTrainer(DPOTrainer):
    """TRL's trainer; only a clock is added to its reference pass."""

    reference_seconds = 0.0

    def _precompute_ref_logps(self, *args: Any, **kwargs: Any) -> Dataset:
        started = time.perf_counter()
        dataset = super()._precompute_ref_logps(*args, **kwargs)
        self.reference_seconds = time.perf_counter() - started
        return dataset


def measure_work(folder: Path) -> dict[str, Any]:
    """Products that the run needs at the least, and the machine's peak; both in GFLOP (a second).

    The least is: every token of a pair once through the layers, forward and back to the
    activations (the base's own weights are frozen), the head for the answers alone, and one
    forward pass for the reference. Attention and the adapter's small products are left out.
    """
    spec = run_folder.read_spec(folder)
    data_folder = run_folder.data_folder_of(folder)
    tokenizer = loading.load_tokenizer(spec.base, data_folder)
    max_length = _options(spec).training.max_length
    rows = run_folder.read_rows(folder, "train.jsonl")
    pairs, _ = cut(tokenise(tokenizer, rows, "train.jsonl"), max_length)
    pairs = [pair.within(max_length) for pair in pairs]
    num_answers = sum(len(pair.chosen_ids) + len(pair.rejected_ids) for pair in pairs)
    num_tokens = num_answers + sum(len(pair.prompt_ids) for pair in pairs)
    model = loading.load_model(spec.base, data_folder, device="cpu")
    layers = sum(
        module.weight.numel()
        for module in model.base_model.modules()
        if isinstance(module, torch.nn.Linear)
    )
    head = model.get_output_embeddings().weight.numel()
    forward = 2 * (layers * num_tokens + head * num_answers)
    return {
        "num_tokens": num_tokens,
        "reference_gflop": forward / 1e9,
        "training_gflop": 2 * forward / 1e9,
        "peak": _peak(loading.pick_dtype(model.device)),
    }


def _options(spec: RunSpec) -> RunOptions:
    return RunOptions.from_dict(spec.options, defaults=PRESETS["quick"])


def _peak(dtype: torch.dtype) -> float:
    """The best of several large matrix products, in GFLOP a second."""
    left, right = (torch.randn(MATRIX_SIZE, MATRIX_SIZE).to(dtype) for _ in range(2))
    best = 0.0
    for _ in range(NUM_PRODUCTS):
        started = time.perf_counter()
        left @ right
        best = max(best, 2 * MATRIX_SIZE**3 / (time.perf_counter() - started) / 1e9)
    return best


def main() -> None:
    """Carry out what the command line names."""
    folder, what = Path(sys.argv[1]), sys.argv[2]
    if what == "work":
        result = measure_work(folder)
    else:
        result = train_with_trl(folder, precompute=what == "precomputed")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
