"""Merges an adapter into the 16-bit weights of its base."""

from typing import TYPE_CHECKING

import torch
from peft.tuners.lora import LoraLayer

from trainer import loading, run_folder
from trainer.errors import TrainerError
from trainer.run_context import RunContext

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MERGED = "merged"


def merged_model(context: RunContext, dtype: torch.dtype) -> "PreTrainedModel":
    """The run's base with its adapter merged into the weights, in `dtype`, on the CPU.

    Each product of the adapter is added in float32 and rounded once. The base is loaded in 16
    bits also where the adapter was trained on 4: these only saved memory in training. Raises
    TrainerError when the run names no adapter, or files are damaged.
    """
    spec = context.spec
    if spec.adapter is None:
        raise TrainerError("An export needs an adapter. Choose a run that has saved one.")
    base = loading.load_model(spec.base, context.data_folder, device="cpu", dtype="auto")
    folder = run_folder.adapter_path(context.data_folder, spec.adapter)
    # A trainable adapter is kept in float32, so that its product is not rounded.
    tuned = loading.load_adapter(base, folder, name=MERGED, base=spec.base, trainable=True)
    with torch.no_grad():
        for module in tuned.modules():
            if isinstance(module, LoraLayer):
                weight = module.get_base_layer().weight
                weight.data = (weight.float() + module.get_delta_weight(MERGED)).to(dtype)
    model: PreTrainedModel = tuned.unload().to(dtype).eval()
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            raise TrainerError(
                f"The weight {name} is too large for {str(dtype).removeprefix('torch.')}. "
                "Export with the numbers bfloat16."
            )
    return model
