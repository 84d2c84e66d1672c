"""Merges an adapter into the 16-bit weights of its base; a full model is only rounded."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from peft.tuners.lora import LoraLayer

from trainer.errors import TrainerError
from trainer.models import loading
from trainer.runs.context import RunContext
from trainer.runs.manifest import adapter_path, holds_full_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MERGED = "merged"


def merged_model(context: RunContext, dtype: torch.dtype) -> "PreTrainedModel":
    """The run's base with its adapter merged into the weights, in `dtype`, on the CPU.

    Of a run that has trained a full model it is that model. Each product of an adapter is added
    in float32 and rounded once. The base is loaded in 16 bits also where the adapter was trained
    on 4: these only saved memory in training. Raises TrainerError when the run names no adapter,
    or files are damaged.
    """
    spec = context.spec
    if spec.adapter is None:
        raise TrainerError("An export needs an adapter. Choose a run that has saved one.")
    folder = adapter_path(context.data_folder, spec.adapter)
    if holds_full_model(folder):
        how = {"base": spec.base, "device": "cpu", "dtype": "auto"}
        model = loading.load_full_model(folder, context.data_folder, **how).to(dtype)
    else:
        model = _merged(context, folder, dtype)
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            raise TrainerError(
                f"The weight {name} is too large for {str(dtype).removeprefix('torch.')}. "
                "Export in bfloat16."
            )
    return model


def _merged(context: RunContext, folder: Path, dtype: torch.dtype) -> "PreTrainedModel":
    spec = context.spec
    base = loading.load_model(spec.base, context.data_folder, device="cpu", dtype="auto")
    # A trainable adapter is kept in float32, so that its product is not rounded.
    tuned = loading.load_adapter(base, folder, name=MERGED, base=spec.base, trainable=True)
    with torch.no_grad():
        for module in tuned.modules():
            if isinstance(module, LoraLayer):
                weight = module.get_base_layer().weight
                weight.data = (weight.float() + module.get_delta_weight(MERGED)).to(dtype)
    model: PreTrainedModel = tuned.unload().to(dtype).eval()
    return model
