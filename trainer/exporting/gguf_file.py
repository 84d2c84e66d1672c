"""Writes a model as one GGUF file, for llama.cpp and the programs built on it.

Weights are renamed by the tables of the package `gguf`; Llama's query and key rows change their
order, as llama.cpp rotates neighbouring dimensions where transformers rotates the halves of a head.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import MODEL_ARCH, GGMLQuantizationType, GGUFWriter, LlamaFileType, get_tensor_name_map
from gguf.constants import MODEL_ARCH_NAMES
from gguf.quants import quantize

from trainer.errors import TrainerError
from trainer.exporting.gguf_tokenizer import add_tokenizer

ARCHITECTURES = {
    "llama": MODEL_ARCH.LLAMA,
    "mistral": MODEL_ARCH.LLAMA,
    "qwen2": MODEL_ARCH.QWEN2,
    "qwen3": MODEL_ARCH.QWEN3,
}
_TYPES = {
    "float16": (GGMLQuantizationType.F16, LlamaFileType.MOSTLY_F16),
    "bfloat16": (GGMLQuantizationType.BF16, LlamaFileType.MOSTLY_BF16),
    "q8_0": (GGMLQuantizationType.Q8_0, LlamaFileType.MOSTLY_Q8_0),
}
_BLOCK = 32  # weights that share a scale in q8_0


def check_family(config: Any) -> None:
    """Raise TrainerError unless models of this configuration can be written as GGUF."""
    if config.model_type not in ARCHITECTURES:
        raise TrainerError(
            f"Models of the family {config.model_type} cannot be written as GGUF here; "
            f"{', '.join(ARCHITECTURES)} can. Export the merged model instead."
        )
    rope = config.rope_parameters["rope_type"]
    if rope != "default":
        raise TrainerError(
            f"The model stretches its positions by {rope}, which is not written as GGUF here. "
            "Export the merged model instead."
        )


def write_gguf(model: Any, tokenizer: Any, path: Path, *, weights: str, name: str) -> None:
    """Write model and tokenizer into one file; `weights` is float16, bfloat16 or q8_0.

    Vectors stay float32. Raises TrainerError for a family or tokenizer that is not supported.
    """
    config = model.config
    check_family(config)
    architecture = ARCHITECTURES[config.model_type]
    number_type, file_type = _TYPES[weights]
    writer = GGUFWriter(path, MODEL_ARCH_NAMES[architecture])
    writer.add_name(name)
    writer.add_file_type(file_type)
    _add_sizes(writer, config)
    add_tokenizer(writer, tokenizer, config.vocab_size)
    names = get_tensor_name_map(architecture, config.num_hidden_layers)
    for key, tensor in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        target = names.get_name(key, try_suffixes=(".weight", ".bias"))
        if target is None:
            raise TrainerError(f"The weight {key} has no place in a GGUF file.")
        if architecture is MODEL_ARCH.LLAMA:
            tensor = _in_llama_order(key, tensor, config)
        _add_tensor(writer, target, tensor, number_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_sizes(writer: GGUFWriter, config: Any) -> None:
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)


def _in_llama_order(key: str, tensor: torch.Tensor, config: Any) -> torch.Tensor:
    """The rows of a query or key projection in llama.cpp's order; others as they are."""
    if ".q_proj." in key:
        num_heads = config.num_attention_heads
    elif ".k_proj." in key:
        num_heads = config.num_key_value_heads
    else:
        return tensor
    halves = tensor.reshape(num_heads, 2, -1, *tensor.shape[1:])
    return halves.transpose(1, 2).reshape(tensor.shape)


def _add_tensor(
    writer: GGUFWriter, name: str, tensor: torch.Tensor, number_type: GGMLQuantizationType
) -> None:
    values = np.ascontiguousarray(tensor.detach().float().numpy())
    if values.ndim == 1:
        number_type = GGMLQuantizationType.F32
    elif number_type is GGMLQuantizationType.Q8_0 and values.shape[-1] % _BLOCK:
        number_type = GGMLQuantizationType.F16
    writer.add_tensor(name, quantize(values, number_type), raw_dtype=number_type)
