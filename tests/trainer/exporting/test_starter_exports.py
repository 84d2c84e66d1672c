"""Exports of the starter model answer as base + adapter does, prompt by prompt.

All compute in float32, so that a difference is one of the weights and not of the arithmetic.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from tests.trainer.conftest import preference_rows
from trainer import loading, run_folder
from trainer.chat_template import encode_conversation
from trainer.exporting import export
from trainer.recipes import dpo
from trainer.run_context import RunContext
from trainer.run_folder import EventWriter, RunSpec

PROMPTS = (
    "What is the capital of France?",
    "Tell me something about the sea.",
    "Write a short poem about tea.",
    "How do I boil an egg?",
    "Why is the sky blue?",
    "Name three animals.",
    "Give me advice for a job interview.",
    "What is a good book?",
    "Explain gravity to a child.",
    "How many days has a week?",
)
NUM_TOKENS = 64


def _context(data_folder: Path, spec: RunSpec, rows: int = 0) -> RunContext:
    folder = data_folder / "runs" / run_folder.folder_name(spec.id, spec.kind)
    inputs: dict[str, Any] = {}
    if rows:
        inputs = {"train.jsonl": preference_rows(rows), "heldout.jsonl": []}
    run_folder.create(folder, spec, inputs)
    return RunContext(folder, spec, data_folder, "cpu", EventWriter(folder))


def _answers(model: Any, data_folder: Path, num_tokens: int) -> list[list[int]]:
    """Greedy answers as token ids; every model gets the same batch."""
    tokenizer = loading.load_tokenizer("starter", data_folder)
    tokenizer.padding_side = "left"
    prompts = [
        encode_conversation(
            tokenizer, [{"role": "user", "content": prompt}], add_generation_prompt=True
        )
        for prompt in PROMPTS
    ]
    batch = tokenizer.pad({"input_ids": prompts}, return_tensors="pt")
    with torch.inference_mode():
        found = model.generate(**batch, do_sample=False, max_new_tokens=num_tokens, pad_token_id=2)
    answers: list[list[int]] = found[:, batch["input_ids"].shape[1] :].tolist()
    return answers


def _num_same(answers: list[list[int]], expected: list[list[int]]) -> int:
    pairs = zip(answers, expected, strict=True)
    return sum(one == other[: len(one)] for one, other in pairs)


def test_exports_answer_like_base_and_adapter(data_folder: Path) -> None:
    training = {"max_steps": 4, "eval_steps": 0, "save_steps": 0, "warmup_steps": 0}
    dpo.run(_context(data_folder, RunSpec(1, "dpo", "starter", None, {"training": training}), 8))
    adapter = "runs/0001-dpo/adapter"
    folders = {}
    for run_id, target in enumerate(("merged", "gguf"), start=2):
        context = _context(
            data_folder, RunSpec(run_id, "export", "starter", adapter, {"target": target})
        )
        export.run(context)
        folders[target] = context.folder / "model"

    base = loading.load_model("starter", data_folder, device="cpu", dtype="float32")
    untrained = _answers(base, data_folder, 20)
    tuned = loading.load_adapter(base, data_folder / adapter, name="tuned", base="starter")
    expected = _answers(tuned, data_folder, NUM_TOKENS)
    assert _num_same(untrained, expected) < len(PROMPTS)

    merged = AutoModelForCausalLM.from_pretrained(folders["merged"], dtype=torch.float32)
    assert _num_same(_answers(merged.eval(), data_folder, NUM_TOKENS), expected) == len(PROMPTS)
    (path,) = folders["gguf"].glob("*.gguf")
    read_back = AutoModelForCausalLM.from_pretrained(
        folders["gguf"],
        gguf_file=path.name,
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),
    )
    assert _num_same(_answers(read_back.eval(), data_folder, 20), expected) >= len(PROMPTS) - 1

    tokenizer = AutoTokenizer.from_pretrained(folders["gguf"], gguf_file=path.name)
    ours = loading.load_tokenizer("starter", data_folder)
    assert tokenizer.chat_template == ours.chat_template
    assert tokenizer.get_vocab() == ours.get_vocab()
    assert tokenizer.eos_token == ours.eos_token
