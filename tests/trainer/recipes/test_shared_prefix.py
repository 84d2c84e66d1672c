"""The shared-prefix forward gives what TRL's own forward gives, on every model family."""

import copy

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)
from trl.trainer.utils import FusedCausalLMOutput, add_fused_lm_head

from trainer.recipes.shared_prefix import lay_out, share_prefixes, supports

SIZES = {
    "vocab_size": 99,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
WINDOW = 7  # shorter than the pairs below, so that it hides something
FAMILIES = {
    "llama": LlamaConfig(**SIZES),
    "qwen2": Qwen2Config(**SIZES),
    "qwen3": Qwen3Config(**SIZES, head_dim=8),
    "mistral": MistralConfig(**SIZES, sliding_window=WINDOW),
    "phi3": Phi3Config(**SIZES),
    "gemma3": Gemma3TextConfig(
        **SIZES,
        head_dim=8,
        sliding_window=WINDOW,
        layer_types=["sliding_attention", "full_attention"],
    ),
}
OUTPUTS = ("log_probs", "entropy", "mean_logits", "is_top1")
# (prompt, chosen, rejected): lengths in tokens; one answer is a single token.
LENGTHS = ((5, 4, 7), (9, 12, 2), (3, 1, 9))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_token_scores_as_in_trls_own_forward(family: str) -> None:
    usual = _model(FAMILIES[family])
    sharing = copy.deepcopy(usual)
    assert supports(sharing)
    for model in (usual, sharing):
        add_fused_lm_head(model, outputs=OUTPUTS)
    share_prefixes(sharing)
    batch = _batch(LENGTHS)

    expected, found = usual(**batch, fused_lm_head=True), sharing(**batch, fused_lm_head=True)

    for name in (*OUTPUTS, "label_mask"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), **CLOSE)
    for one, other in zip(_gradients(usual, expected), _gradients(sharing, found), strict=True):
        torch.testing.assert_close(other, one, **CLOSE)


def test_no_token_is_computed_twice_and_none_is_padding() -> None:
    layout = lay_out(**_batch(LENGTHS))
    assert layout is not None
    assert layout.input_ids.shape == (1, sum(sum(pair) for pair in LENGTHS))
    assert layout.position_ids[0, :16].tolist() == [*range(5, 9), *range(5), *range(5, 12)]


def test_an_answer_that_max_length_has_cut_away_is_no_hindrance() -> None:
    usual = _model(FAMILIES["llama"])
    sharing = copy.deepcopy(usual)
    for model in (usual, sharing):
        add_fused_lm_head(model, outputs=OUTPUTS)
    share_prefixes(sharing)
    batch = _batch(((5, 0, 3), (6, 4, 4)))
    torch.testing.assert_close(
        sharing(**batch, fused_lm_head=True).log_probs,
        usual(**batch, fused_lm_head=True).log_probs,
        **CLOSE,
    )


def test_rows_without_a_common_prompt_go_through_trls_own_forward() -> None:
    usual = _model(FAMILIES["llama"])
    sharing = copy.deepcopy(usual)
    for model in (usual, sharing):
        add_fused_lm_head(model, outputs=OUTPUTS)
    share_prefixes(sharing)
    batch = _batch(LENGTHS)
    batch["input_ids"][0, 1] += 1
    assert lay_out(**batch) is None
    torch.testing.assert_close(
        sharing(**batch, fused_lm_head=True).log_probs,
        usual(**batch, fused_lm_head=True).log_probs,
    )


def test_logits_are_given_as_before_where_no_loss_is_asked_for() -> None:
    model = _model(FAMILIES["llama"])
    tokens = torch.tensor([[3, 4, 5]])
    expected = model(tokens).logits
    add_fused_lm_head(model, outputs=OUTPUTS)
    share_prefixes(model)
    torch.testing.assert_close(model(tokens).logits, expected)


def test_a_model_that_caps_its_logits_is_left_to_trl() -> None:
    assert not supports(_model(Gemma2Config(**SIZES, head_dim=8)))


CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def _model(config: PreTrainedConfig) -> PreTrainedModel:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).float().eval()
    # As under an adapter: the head is frozen, and something before it is trained.
    model.requires_grad_(False)
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight.requires_grad_(True)
    return model


def _gradients(model: PreTrainedModel, output: FusedCausalLMOutput) -> list[torch.Tensor]:
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    weighted = output.log_probs * torch.linspace(-1, 1, output.log_probs.numel()).view_as(
        output.log_probs
    )
    return list(torch.autograd.grad(weighted.sum(), trained))


def _batch(lengths: tuple[tuple[int, int, int], ...]) -> dict[str, torch.Tensor]:
    """Random pairs as TRL's collator gives them: chosen rows first, padded on the right."""
    random = torch.Generator().manual_seed(1)

    def tokens(number: int) -> torch.Tensor:
        return torch.randint(3, 98, (number,), generator=random)

    prompts = [tokens(prompt) for prompt, _, _ in lengths]
    rows = [(prompt, tokens(pair[1])) for prompt, pair in zip(prompts, lengths, strict=True)]
    rows += [(prompt, tokens(pair[2])) for prompt, pair in zip(prompts, lengths, strict=True)]
    longest = max(len(prompt) + len(answer) for prompt, answer in rows)
    input_ids = torch.zeros(len(rows), longest, dtype=torch.long)
    attention_mask, labels = torch.zeros_like(input_ids), torch.full_like(input_ids, -100)
    for row, (prompt, answer) in enumerate(rows):
        end = len(prompt) + len(answer)
        input_ids[row, :end] = torch.cat([prompt, answer])
        attention_mask[row, :end] = 1
        labels[row, len(prompt) : end] = answer
    return {"input_ids": input_ids, "attention_mask": attention_mask, "labels": labels}
