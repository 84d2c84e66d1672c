"""Merged models and GGUF files of two-layer random models answer as base + adapter does."""

from pathlib import Path
from typing import Any

import pytest
import torch
from gguf import GGUFWriter
from tokenizers import Regex, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    MistralConfig,
    PhiConfig,
    Qwen2Config,
    Qwen3Config,
)

from tests.trainer.conftest import MakeRun
from trainer.errors import TrainerError
from trainer.exporting import export
from trainer.exporting.gguf_file import write_gguf
from trainer.exporting.gguf_tokenizer import _PATTERNS, add_tokenizer
from trainer.models import loading
from trainer.recipes import sft
from trainer.runs import run_folder
from trainer.runs.context import RunContext
from trainer.runs.event_log import EventWriter
from trainer.runs.run_folder import RunSpec

ADAPTER = "runs/0001-sft/adapter"
SIZES = {
    "vocab_size": 259,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}


@pytest.fixture
def trained(make_run: MakeRun) -> RunContext:
    """A run whose adapter is far from nothing."""
    context = make_run(1, "sft", training={"learning_rate": 2e-2, "max_steps": 4, "eval_steps": 0})
    sft.run(context)
    return context


def _export(trained: RunContext, **options: Any) -> Path:
    folder = trained.data_folder / "runs" / "0002-export"
    spec = RunSpec(2, "export", trained.spec.base, ADAPTER, options)
    run_folder.create(folder, spec, {})
    export.run(RunContext(folder, spec, trained.data_folder, "cpu", EventWriter(folder)))
    return folder / "model"


def _logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = model(torch.arange(3, 40)[None]).logits.float()
    return logits


def _tuned(trained: RunContext) -> torch.Tensor:
    base = loading.load_model(trained.spec.base, trained.data_folder, dtype="float32")
    folder = trained.data_folder / ADAPTER
    return _logits(loading.load_adapter(base, folder, name="t", base=trained.spec.base))


def _load(folder: Path, gguf_file: str | None = None) -> Any:
    options = {} if gguf_file is None else {
        "gguf_file": gguf_file, "quantization_config": GgufConfig(dequantize=True)
    }  # fmt: skip
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options).eval()


def test_merge_in_float32_equals_base_and_adapter(trained: RunContext) -> None:
    expected = _tuned(trained)
    base = loading.load_model(trained.spec.base, trained.data_folder, dtype="float32")
    assert (_logits(base) - expected).abs().max() > 0.1
    folder = _export(trained, target="merged", weights="float32")
    torch.testing.assert_close(_logits(_load(folder)), expected, atol=1e-5, rtol=1e-5)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.chat_template
    assert (folder / "README.md").is_file()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_merge_in_16_bits_rounds_each_weight_once(trained: RunContext, dtype: torch.dtype) -> None:
    weights = str(dtype).removeprefix("torch.")
    folder = _export(trained, target="merged", weights=weights)
    exact = _export_again(trained)
    stored = AutoModelForCausalLM.from_pretrained(folder, dtype="auto").state_dict()
    assert {tensor.dtype for tensor in stored.values()} == {dtype}
    for name, tensor in exact.items():
        assert torch.equal(stored[name], tensor.to(dtype)), name


def _export_again(trained: RunContext) -> dict[str, torch.Tensor]:
    """The weights of base + adapter in float32, merged by peft itself."""
    base = loading.load_model(trained.spec.base, trained.data_folder, dtype="float32")
    folder = trained.data_folder / ADAPTER
    tuned = loading.load_adapter(base, folder, name="t", base=trained.spec.base)
    weights: dict[str, torch.Tensor] = tuned.merge_and_unload().state_dict()
    return weights


@pytest.mark.parametrize(("weights", "tolerance"), [("float16", 5e-3), ("q8_0", 5e-2)])
def test_gguf_file_loads_back(trained: RunContext, weights: str, tolerance: float) -> None:
    folder = _export(trained, target="gguf", weights=weights)
    (path,) = folder.glob("*.gguf")
    found = _logits(_load(folder, path.name))
    torch.testing.assert_close(found, _tuned(trained), atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("config", [MistralConfig, Qwen2Config, Qwen3Config])
def test_families_keep_their_logits(config: type[Any], trained: RunContext, tmp_path: Path) -> None:
    torch.manual_seed(1)
    # The reader of transformers knows Qwen 3 with heads of 128 numbers only.
    more = {"head_dim": 128} if config is Qwen3Config else {}
    model = AutoModelForCausalLM.from_config(config(**SIZES, **more)).eval()
    for weight in model.parameters():
        weight.data += 0.01 * torch.randn_like(weight)  # biases would be zero
    tokenizer = loading.load_tokenizer(trained.spec.base, trained.data_folder)
    write_gguf(model, tokenizer, tmp_path / "model.gguf", weights="float16", name="tiny")
    found = _logits(_load(tmp_path, "model.gguf"))
    torch.testing.assert_close(found, _logits(model), atol=5e-3, rtol=5e-3)


def test_other_families_are_refused_by_name(trained: RunContext, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_config(PhiConfig(**SIZES))
    tokenizer = loading.load_tokenizer(trained.spec.base, trained.data_folder)
    with pytest.raises(TrainerError, match=r"family phi .* llama, mistral, qwen2, qwen3 can"):
        write_gguf(model, tokenizer, tmp_path / "no.gguf", weights="float16", name="tiny")


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (pre_tokenizers.ByteLevel(add_prefix_space=False), "gpt-2"),
        ([pre_tokenizers.Digits(individual_digits=True)], "smollm"),
        *[
            ([pre_tokenizers.Split(Regex(pattern), behavior="isolated")], name)
            for pattern, name in _PATTERNS.items()
        ],
        (pre_tokenizers.Whitespace(), None),
    ],
)
def test_way_of_cutting_words_is_named_or_refused(
    trained: RunContext, tmp_path: Path, rule: Any, name: str | None
) -> None:
    tokenizer = loading.load_tokenizer(trained.spec.base, trained.data_folder)
    if isinstance(rule, list):
        rule = pre_tokenizers.Sequence([*rule, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.backend_tokenizer.pre_tokenizer = rule
    writer = GGUFWriter(tmp_path / "tokenizer.gguf", "llama")
    if name is None:
        with pytest.raises(TrainerError, match="cannot be written as GGUF"):
            add_tokenizer(writer, tokenizer, 259)
        return
    add_tokenizer(writer, tokenizer, 259)
    assert writer.kv_data[0]["tokenizer.ggml.pre"].value == name
