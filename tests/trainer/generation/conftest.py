"""Small models with random weights, made on the spot."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers
from transformers import PreTrainedModel

VOCABULARY = 300

_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "bos_token_id": 1,
    "eos_token_id": None,
    "pad_token_id": 0,
}


@pytest.fixture(scope="session")
def random_model() -> Callable[..., PreTrainedModel]:
    """`random_model("Llama", sliding_window=8)`: two layers, float32, sharp distributions."""

    def make(family: str, **options: Any) -> PreTrainedModel:
        torch.manual_seed(0)
        model_class = getattr(transformers, f"{family}ForCausalLM")
        model = model_class(model_class.config_class(**{**_SIZES, **options})).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(4)
        return model

    return make


@pytest.fixture(scope="session")
def llama(random_model: Callable[..., PreTrainedModel]) -> PreTrainedModel:
    """A small Llama, as the starter model is one."""
    return random_model("Llama")
