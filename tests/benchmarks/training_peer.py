"""One measurement of the training benchmark in its own process; prints its result as JSON.

`python -m tests.benchmarks.training_peer RUN_FOLDER plain DEVICE` trains the run's pairs with TRL's
own DPOTrainer, `precomputed` with its references computed beforehand, and `work` measures what the
machine can do and how much there is to do.
"""

import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from trl import DPOConfig, DPOTrainer

from trainer.models import loading
from trainer.options.presets import PRESETS
from trainer.options.training import RunOptions
from trainer.private.bitsandbytes import keep_gradients_of_4_bit
from trainer.recipes.tokens import cut, tokenise
from trainer.runs import run_folder
from trainer.runs.run_folder import RunSpec

MATRIX_SIZE = {"cpu": 2048, "cuda": 8192}
NUM_PRODUCTS = 40

# Options of the run that TRL takes under the same names.
SAME = (
    "beta", "learning_rate", "num_train_epochs", "per_device_train_batch_size", "max_length",
    "gradient_checkpointing", "lr_scheduler_type", "warmup_steps", "optim", "logging_steps", "seed",
)  # fmt: skip


def train_with_trl(folder: Path, device: str, *, precompute: bool) -> dict[str, Any]:
    """Seconds of the reference pass and of training, the mean loss, and a GPU's peak memory."""
    spec = run_folder.read_spec(folder)
    data_folder = run_folder.data_folder_of(folder)
    options = _options(spec)
    quantization = options.to_dict()["quantization"]
    model = loading.load_model(spec.base, data_folder, device=device, quantization=quantization)
    if quantization:
        keep_gradients_of_4_bit(model)
    arguments = DPOConfig(
        **{name: getattr(options.training, name) for name in SAME},
        output_dir=str(folder / "trl"),
        bf16=loading.pick_dtype(model.device) is torch.bfloat16,
        precompute_ref_log_probs=precompute,
        use_cpu=device == "cpu",
        dataloader_pin_memory=device == "cuda",
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
    found = {
        "reference_seconds": trainer.reference_seconds,
        "training_seconds": time.perf_counter() - started,
        "loss": statistics.fmean(losses),
    }
    if device == "cuda":
        found["peak_gib"] = torch.cuda.max_memory_allocated() / 1024**3
    return found


class TimedTrainer(DPOTrainer):
    """TRL's trainer; only a clock is added to its reference pass."""

    reference_seconds = 0.0

    def _precompute_ref_logps(self, *args: Any, **kwargs: Any) -> Dataset:
        started = time.perf_counter()
        dataset = super()._precompute_ref_logps(*args, **kwargs)
        self.reference_seconds = time.perf_counter() - started
        return dataset


def measure_work(folder: Path, device: str) -> dict[str, Any]:
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
    num_answers = sum(len(pair.chosen_ids) + len(pair.rejected_ids) for pair in pairs)
    num_tokens = num_answers + sum(len(pair.prompt_ids) for pair in pairs)
    model = loading.load_model(spec.base, data_folder, device=device)
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
        "peak": _peak(model.device),
        "device": _description(model.device),
    }


def _options(spec: RunSpec) -> RunOptions:
    return RunOptions.from_dict(spec.options, defaults=PRESETS["quick"])


def _peak(device: torch.device) -> float:
    """The best of several large matrix products, in GFLOP a second."""
    size = MATRIX_SIZE[device.type]
    left, right = (
        torch.randn(size, size, device=device).to(loading.pick_dtype(device)) for _ in range(2)
    )
    best = 0.0
    for _ in range(NUM_PRODUCTS):
        _wait_for(device)
        started = time.perf_counter()
        left @ right
        _wait_for(device)
        best = max(best, 2 * size**3 / (time.perf_counter() - started) / 1e9)
    return best


def _description(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()}, {os.cpu_count()} cores"


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """Carry out what the command line names."""
    folder, what, device = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    if what == "work":
        result = measure_work(folder, device)
    else:
        result = train_with_trl(folder, device, precompute=what == "precomputed")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
