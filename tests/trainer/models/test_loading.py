"""Loading of models and adapters: what is damaged is refused, the starter is converted once."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

from tests.trainer.tiny_model import save_full_model, save_tiny_model
from trainer.errors import TrainerError
from trainer.models import loading, model_source
from trainer.runs.manifest import write_manifest

WEIGHTS = loading.WEIGHTS


@pytest.fixture
def adapter(tiny_base: Path, home: Path) -> Path:
    """A saved adapter with weights that are not zero, and its manifest."""
    model = loading.load_model(str(tiny_base), home, device="cpu")
    peft_model = get_peft_model(
        model, LoraConfig(task_type="CAUSAL_LM", r=2, target_modules="all-linear")
    )
    with torch.no_grad():
        for name, weight in peft_model.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.01)
    folder = home / "adapter"
    peft_model.save_pretrained(str(folder))
    write_manifest(folder, {"base_model": str(tiny_base)})
    return folder


def _load(tiny_base: Path, home: Path, adapter: Path) -> PeftModel:
    model = loading.load_model(str(tiny_base), home, device="cpu")
    return loading.load_adapter(model, adapter, name="tuned", base=str(tiny_base))


def test_saved_adapter_changes_the_answers_of_the_base(
    tiny_base: Path, home: Path, adapter: Path
) -> None:
    model = _load(tiny_base, home, adapter)
    assert not any(weight.requires_grad for weight in model.parameters())
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        tuned = model(ids).logits
        with model.disable_adapter():
            base = model(ids).logits
    assert not torch.equal(tuned, base)


def test_two_adapters_live_on_one_base(tiny_base: Path, home: Path, adapter: Path) -> None:
    model = _load(tiny_base, home, adapter)
    again = loading.load_adapter(model, adapter, name="other", base=str(tiny_base))
    assert again is model
    assert set(model.peft_config) == {"tuned", "other"}


def test_trainable_adapter_is_kept_in_float32(tiny_base: Path, home: Path, adapter: Path) -> None:
    base = loading.load_model(str(tiny_base), home, device="cpu")
    model = loading.load_adapter(base, adapter, name="default", base=str(tiny_base), trainable=True)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    assert trained
    assert all(weight.dtype is torch.float32 for weight in trained)


def _truncate(folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[: len(content) // 2])


def _flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-5] ^= 1
    (folder / WEIGHTS).write_bytes(content)


def _rewrite(
    folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]
) -> None:
    """Change the weights and sign them again, as a faulty training would."""
    save_file(change(load_file(folder / WEIGHTS)), folder / WEIGHTS)
    info = json.loads((folder / "manifest.json").read_text())
    write_manifest(folder, {"base_model": info["base_model"]})


def _put_in_nan(folder: Path) -> None:
    _rewrite(folder, lambda weights: {k: torch.full_like(w, torch.nan) for k, w in weights.items()})


def _rename_keys(folder: Path) -> None:
    _rewrite(folder, lambda weights: {f"x.{key}": weight for key, weight in weights.items()})


def _change_shape(folder: Path) -> None:
    _rewrite(folder, lambda weights: {k: torch.cat([w, w]) for k, w in weights.items()})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_truncate, "is damaged"),
        (_flip_a_bit, "is damaged"),
        (_put_in_nan, "not numbers"),
        (_rename_keys, "does not fit the model: 28 weights are missing"),
        (_change_shape, "has the shape"),
    ],
)
def test_damaged_adapter_is_refused_and_its_file_named(
    tiny_base: Path, home: Path, adapter: Path, damage: Callable[[Path], None], reason: str
) -> None:
    damage(adapter)
    with pytest.raises(TrainerError, match=reason) as caught:
        _load(tiny_base, home, adapter)
    assert str(adapter / WEIGHTS) in str(caught.value)


def test_adapter_of_another_base_is_refused(
    tiny_base: Path, home: Path, adapter: Path, tmp_path: Path
) -> None:
    other = save_tiny_model(tmp_path / "other", seed=1)
    model = loading.load_model(str(other), home, device="cpu")
    with pytest.raises(TrainerError, match=f"was trained from {tiny_base}, not from {other}"):
        loading.load_adapter(model, adapter, name="tuned", base=str(other))


def test_adapter_without_manifest_is_refused(tiny_base: Path, home: Path, adapter: Path) -> None:
    (adapter / "manifest.json").unlink()
    with pytest.raises(TrainerError, match=r"no manifest\.json"):
        _load(tiny_base, home, adapter)


def test_pickled_weights_are_not_loaded(tiny_base: Path, home: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_base, tmp_path / "pickled")
    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    with pytest.raises(TrainerError, match="cannot be loaded"):
        loading.load_model(str(copy), home, device="cpu")


def test_model_in_four_bits_needs_less_memory(tiny_base: Path, home: Path) -> None:
    plain = loading.load_model(str(tiny_base), home, device="cpu")
    options = {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_compute_dtype": "bfloat16",
    }
    packed = loading.load_model(str(tiny_base), home, quantization=options, device="cpu")
    assert packed.is_loaded_in_4bit
    assert packed.get_memory_footprint() < plain.get_memory_footprint()


def test_missing_device_is_named() -> None:
    with pytest.raises(TrainerError, match="Use auto, cpu or cuda"):
        loading.pick_device("tpu")


@pytest.mark.starter
def test_starter_is_converted_once_with_the_tokenizer_it_was_trained_with(
    converted_starter: Path,
) -> None:
    folder = model_source.starter_folder(converted_starter)
    before = (folder / "model.safetensors").stat().st_mtime_ns
    command = [sys.executable, "-m", "trainer.models.loading", "--data", str(converted_starter)]
    again = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    assert "Converting" not in again.stdout
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == ["starter"]

    tokenizer = loading.load_tokenizer("starter", converted_starter)
    assert tokenizer.eos_token == tokenizer.pad_token == "<|im_end|>"
    rendered = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)
    assert "You are a helpful AI assistant named SmolLM, trained by Hugging Face" in rendered
    # SmolLM2 splits numbers into digits and keeps the blanks before them together.
    assert tokenizer.tokenize("  12a") == ["ĠĠ", "1", "2", "a"]
    model = loading.load_model("starter", converted_starter, device="cpu")
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id


def test_full_model_is_refused_when_it_is_broken_or_anothers(tiny_base: Path, home: Path) -> None:
    folder = save_full_model(home / "model", tiny_base)
    how = {"device": "cpu", "dtype": "float32"}
    loaded = loading.load_full_model(folder, home, base=str(tiny_base), **how)
    assert loaded.dtype is torch.float32
    with pytest.raises(TrainerError, match="was trained from .*, not from starter"):
        loading.load_full_model(folder, home, base="starter", **how)
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][3] = torch.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    write_manifest(folder, {"holds": "model", "base_model": str(tiny_base)})
    with pytest.raises(TrainerError, match=r"not numbers \(in model\.norm\.weight\)"):
        loading.load_full_model(folder, home, base=str(tiny_base), **how)
