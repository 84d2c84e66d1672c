"""The model that a run trains: a frozen base with an adapter, or all weights of a model."""

from typing import TYPE_CHECKING, Any

from peft import LoraConfig, PeftModel

from trainer.kernels.fused_layers import fuse_layers
from trainer.kernels.fused_lora import fuse_lora
from trainer.models import loading
from trainer.options.arguments import lora_arguments
from trainer.options.training import RunOptions
from trainer.private.bitsandbytes import keep_gradients_of_4_bit
from trainer.private.peft import compute_in_type_of_base
from trainer.recipes.output import TRAINED
from trainer.runs.context import RunContext
from trainer.runs.manifest import adapter_path

if TYPE_CHECKING:
    from transformers import PreTrainedModel, Trainer


def load_policy(
    context: RunContext, options: RunOptions
) -> "tuple[PreTrainedModel | PeftModel, LoraConfig | None]":
    """The model to train, and what TRL needs to put a fresh adapter on it.

    A run that goes on from an adapter gets a PeftModel with it and no configuration: TRL then
    keeps a frozen copy of that adapter as the reference. Both together TRL refuses. Without LoRA
    options it is a full model, in float32: in 16 bits its small updates would be lost. Raises
    TrainerError where a run goes on from the other kind.
    """
    spec = context.spec
    if options.trains_full_model:
        return _full_model(context, start=True), None
    model = load_frozen(context, options)
    model.config.use_cache = False
    fuse_layers(model)
    if spec.adapter is not None:
        folder = adapter_path(context.data_folder, spec.adapter)
        policy = loading.load_adapter(model, folder, name=TRAINED, base=spec.base, trainable=True)
        return policy, None
    return model, LoraConfig(task_type="CAUSAL_LM", **lora_arguments(options))


def load_frozen(
    context: RunContext, options: RunOptions, *, scores: bool = False
) -> "PreTrainedModel":
    """The base that an adapter is trained on, in 4 bits if the run says so."""
    quantization = options.to_dict()["quantization"]
    model = loading.load_model(
        context.spec.base, context.data_folder,
        quantization=quantization, device=context.device, scores=scores,
    )  # fmt: skip
    if quantization:
        keep_gradients_of_4_bit(model)
    return model


def load_reference(context: RunContext, options: RunOptions) -> "PreTrainedModel | None":
    """The frozen model that a full policy is held to, or None where no second model is needed.

    An adapter is held to its base or to a frozen copy of itself. A full policy that starts where
    its reference stands computes the reference values itself, before its first step.
    """
    training = options.training
    is_start = training.reference == "start" or context.spec.adapter is None
    if not options.trains_full_model or (is_start and training.precompute_ref_log_probs):
        return None
    model = _full_model(context, start=is_start)
    model.requires_grad_(False)
    return model


def _full_model(context: RunContext, *, start: bool) -> "PreTrainedModel":
    """What the run starts from, or the base without what earlier rounds have learnt."""
    spec = context.spec
    how: dict[str, Any] = {"device": context.device, "dtype": "float32"}
    if spec.adapter is None or not start:
        model = loading.load_model(spec.base, context.data_folder, **how)
    else:
        folder = adapter_path(context.data_folder, spec.adapter)
        model = loading.load_full_model(folder, context.data_folder, base=spec.base, **how)
    model.config.use_cache = False
    fuse_layers(model)
    return model


def prepare_weights(trainer: "Trainer") -> None:
    """Keep what is trained in float32, and let an adapter compute in the type of its base."""
    # TRL turns the adapter of a 4-bit base into bfloat16, which loses small updates.
    for weight in trainer.model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    if trainer.args.bf16 or trainer.args.fp16:
        compute_in_type_of_base(trainer.model)
    fuse_lora(trainer.model)
