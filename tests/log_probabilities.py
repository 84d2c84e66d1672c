"""Log-probabilities of answers, computed plainly: no part of the training code is used."""

from pathlib import Path
from typing import Any

import torch

from trainer.models.chat_template import encode_conversation
from trainer.models.loading import load_adapter, load_model, load_tokenizer
from trainer.runs import run_folder


def mean_margin(data_folder: Path, run: Path) -> float:
    """By how much a DPO run's adapter raised chosen over rejected answers, in nats a pair.

    The mean over the run's training pairs of (log p(chosen) - log p(rejected)) under base +
    adapter, less the same under the base.
    """
    spec = run_folder.read_spec(run)
    rows = run_folder.read_rows(run, "train.jsonl")
    tuned, base = differences(data_folder, spec.base, run / "adapter", rows)
    return sum(tuned) / len(rows) - sum(base) / len(rows)


def differences(
    data_folder: Path, base: str, adapter: Path, rows: list[dict[str, Any]]
) -> tuple[list[float], list[float]]:
    """log p(chosen) - log p(rejected) of each row in nats: under base + adapter, under the base."""
    tokenizer = load_tokenizer(base, data_folder)
    model = load_model(base, data_folder, device="cpu")
    model = load_adapter(model, adapter, name="tuned", base=base)
    with torch.inference_mode():
        tuned = [_difference(model, tokenizer, row) for row in rows]
        with model.disable_adapter():
            return tuned, [_difference(model, tokenizer, row) for row in rows]


def _difference(model: Any, tokenizer: Any, row: dict[str, Any]) -> float:
    chosen, rejected = (
        _answer_log_probability(model, tokenizer, row["prompt"], row[side])
        for side in ("chosen", "rejected")
    )
    return chosen - rejected


def _answer_log_probability(
    model: Any, tokenizer: Any, prompt: list[dict[str, str]], answer: list[dict[str, str]]
) -> float:
    start = len(encode_conversation(tokenizer, prompt, add_generation_prompt=True))
    ids = encode_conversation(tokenizer, prompt + answer, add_generation_prompt=False)
    logits = model(torch.tensor([ids])).logits[0, start - 1 : -1].float()
    picked = logits.log_softmax(-1).gather(1, torch.tensor(ids[start:])[:, None])
    return float(picked.sum())
