"""The model that a run trains: a frozen base with an adapter, fresh or trained before."""

from typing import TYPE_CHECKING

import torch
from peft import LoraConfig, PeftModel
from peft.tuners.lora import LoraLayer

from trainer import loading, run_folder
from trainer.recipes.adapter_output import TRAINED
from trainer.recipes.fused_layers import fuse_layers
from trainer.recipes.fused_lora import fuse_lora
from trainer.recipes.options import RunOptions
from trainer.run_context import RunContext

if TYPE_CHECKING:
    from transformers import PreTrainedModel, Trainer


def load_policy(
    context: RunContext, options: RunOptions
) -> "tuple[PreTrainedModel | PeftModel, LoraConfig | None]":
    """The model to train, and what TRL needs to put a fresh adapter on it.

    A run that goes on from an adapter gets a PeftModel with it and no configuration: TRL then
    keeps a frozen copy of that adapter as the reference. Both together TRL refuses.
    """
    spec = context.spec
    model = loading.load_model(
        spec.base,
        context.data_folder,
        quantization=options.to_dict()["quantization"],
        device=context.device,
    )
    if options.quantization is not None:
        keep_gradients_of_4_bit(model)
    model.config.use_cache = False
    fuse_layers(model)
    if spec.adapter is not None:
        folder = run_folder.adapter_path(context.data_folder, spec.adapter)
        policy = loading.load_adapter(model, folder, name=TRAINED, base=spec.base, trainable=True)
        return policy, None
    return model, lora_config(options, "CAUSAL_LM")


def lora_config(options: RunOptions, task_type: str) -> LoraConfig:
    """A run's LoRA options as peft takes them, for one of peft's task types."""
    lora = options.to_dict()["lora"]
    if not isinstance(lora["target_modules"], str):
        lora["target_modules"] = list(lora["target_modules"])
    return LoraConfig(task_type=task_type, **lora)


def prepare_adapter(trainer: "Trainer") -> None:
    """Keep the trained adapter in float32, and let it compute in the type of the base."""
    # TRL turns the adapter of a 4-bit base into bfloat16, which loses small updates.
    for weight in trainer.model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    # peft casts inputs to the adapter's float32, and autocast casts them straight back.
    if trainer.args.bf16 or trainer.args.fp16:
        for module in trainer.model.modules():
            if isinstance(module, LoraLayer):
                module.cast_input_dtype_enabled = False
    fuse_lora(trainer.model)


def keep_gradients_of_4_bit(model: torch.nn.Module) -> None:
    """Keep bitsandbytes from packing the weights anew for inference on a CPU.

    It does so the first time that no gradient is asked for, as in a reference pass; the packed
    product has no backward, and from then on gradients would silently be wrong.
    """
    from bitsandbytes.nn import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False
