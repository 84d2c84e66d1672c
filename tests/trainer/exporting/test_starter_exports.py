"""Exports of the starter model answer as base + adapter does, prompt by prompt.

All compute in float32, so that a difference is one of the weights and not of the arithmetic.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from tests.trainer.conftest import preference_rows
from trainer.exporting import export
from trainer.models import loading
from trainer.models.chat_template import encode_conversation
from trainer.recipes import dpo
from trainer.runs import run_folder
from trainer.runs.context import RunContext
from trainer.runs.event_log import EventWriter
from trainer.runs.run_folder import RunSpec

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
ADAPTER = "runs/0001-dpo/adapter"
NUM_TOKENS = 64
# Rounding weights to 16 bits moves logits by up to some hundredths: only such a tie may turn over.
NEAR_TIE = 0.02


def _context(data_folder: Path, spec: RunSpec, rows: int = 0) -> RunContext:
    folder = data_folder / "runs" / run_folder.folder_name(spec.id, spec.kind)
    inputs: dict[str, Any] = {}
    if rows:
        inputs = {"train.jsonl": preference_rows(rows), "heldout.jsonl": []}
    run_folder.create(folder, spec, inputs)
    return RunContext(folder, spec, data_folder, "cpu", EventWriter(folder))


def _prompts(data_folder: Path) -> tuple[Any, list[list[int]]]:
    tokenizer = loading.load_tokenizer("starter", data_folder)
    tokenizer.padding_side = "left"
    return tokenizer, [
        encode_conversation(
            tokenizer, [{"role": "user", "content": prompt}], add_generation_prompt=True
        )
        for prompt in PROMPTS
    ]


def _answers(model: Any, data_folder: Path, num_tokens: int) -> list[list[int]]:
    """Greedy answers as token ids; every model gets the same batch."""
    tokenizer, prompts = _prompts(data_folder)
    batch = tokenizer.pad({"input_ids": prompts}, return_tensors="pt")
    with torch.inference_mode():
        found = model.generate(**batch, do_sample=False, max_new_tokens=num_tokens, pad_token_id=2)
    answers: list[list[int]] = found[:, batch["input_ids"].shape[1] :].tolist()
    return answers


@dataclass(frozen=True)
class Trained:
    """A DPO run on the starter, and how base + adapter answers."""

    data_folder: Path
    tuned: Any
    expected: list[list[int]]  # NUM_TOKENS greedy tokens a prompt

    def export(self, run_id: int, **options: Any) -> Path:
        """The model folder of an export run."""
        spec = RunSpec(run_id, "export", "starter", ADAPTER, options)
        context = _context(self.data_folder, spec)
        export.run(context)
        return context.folder / "model"

    def gaps(self, model: Any, num_tokens: int) -> list[float]:
        """How far base + adapter preferred its own token, for each answer that parts from it."""
        _, prompts = _prompts(self.data_folder)
        answers = _answers(model.eval(), self.data_folder, num_tokens)
        return [
            self._gap(prompt, answer, expected)
            for prompt, answer, expected in zip(prompts, answers, self.expected, strict=True)
            if answer != expected[:num_tokens]
        ]

    def _gap(self, prompt: list[int], answer: list[int], expected: list[int]) -> float:
        parts_at = next(i for i, token in enumerate(answer) if token != expected[i])
        with torch.inference_mode():
            logits = self.tuned(torch.tensor([prompt + expected[:parts_at]])).logits[0, -1]
        return float(logits[expected[parts_at]] - logits[answer[parts_at]])


@pytest.fixture(scope="module")
def trained(module_data_folder: Path) -> Trained:
    """A short run that changes some answers."""
    training = {"max_steps": 4, "eval_steps": 0, "save_steps": 0, "warmup_steps": 0}
    spec = RunSpec(1, "dpo", "starter", None, {"training": training})
    dpo.run(_context(module_data_folder, spec, rows=8))
    base = loading.load_model("starter", module_data_folder, device="cpu", dtype="float32")
    untrained = _answers(base, module_data_folder, 20)
    folder = module_data_folder / ADAPTER
    tuned = loading.load_adapter(base, folder, name="tuned", base="starter")
    expected = _answers(tuned, module_data_folder, NUM_TOKENS)
    assert untrained != [tokens[:20] for tokens in expected]
    return Trained(module_data_folder, tuned, expected)


def test_merge_in_float32_gives_every_answer_of_base_and_adapter(trained: Trained) -> None:
    folder = trained.export(2, target="merged", weights="float32")
    merged = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert trained.gaps(merged, NUM_TOKENS) == []


def test_merge_in_float16_parts_from_base_and_adapter_at_near_ties_alone(trained: Trained) -> None:
    folder = trained.export(3, target="merged")
    merged = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    gaps = trained.gaps(merged, NUM_TOKENS)
    assert len(gaps) <= 1
    assert all(abs(gap) < NEAR_TIE for gap in gaps), gaps


def test_gguf_file_gives_the_answers_of_base_and_adapter(trained: Trained) -> None:
    folder = trained.export(4, target="gguf")
    (path,) = folder.glob("*.gguf")
    read_back = AutoModelForCausalLM.from_pretrained(
        folder,
        gguf_file=path.name,
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),
    )
    assert len(trained.gaps(read_back, 20)) <= 1

    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=path.name)
    ours = loading.load_tokenizer("starter", trained.data_folder)
    assert tokenizer.chat_template == ours.chat_template
    assert tokenizer.get_vocab() == ours.get_vocab()
    assert tokenizer.eos_token == ours.eos_token
