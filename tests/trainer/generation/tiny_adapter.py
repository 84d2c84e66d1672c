"""An adapter with random weights that changes the tiny model's answers."""

from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from trainer.runs.manifest import write_manifest


def save_tiny_adapter(folder: Path, base: Path, *, seed: int = 1) -> Path:
    """Write the adapter and its manifest into the folder; returns it."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base)
    config = LoraConfig(r=4, lora_alpha=64, target_modules="all-linear", init_lora_weights=False)
    get_peft_model(model, config).save_pretrained(folder)
    write_manifest(folder, {"base_model": str(base)})
    return folder
