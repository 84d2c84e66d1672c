"""The shared-prefix forward gives what TRL's own forward gives, on every model family."""

import copy

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedModel,
)
from trl.trainer.dpo_trainer import DataCollatorForPreference
from trl.trainer.utils import FusedCausalLMOutput, add_fused_lm_head

from tests.trainer.pair_batch import pair_batch, pair_rows
from tests.trainer.tiny_families import FAMILIES, SIZES
from trainer.kernels import pair_layout, row_attention
from trainer.kernels.pair_collator import PairCollator
from trainer.kernels.shared_prefix import share_prefixes, supports

OUTPUTS = ("log_probs", "entropy", "mean_logits", "is_top1")
# A device, and the longest row that is not left to FlexAttention where that is a GPU.
WAYS = [
    pytest.param(("cpu", 0), id="cpu"),
    *[
        pytest.param(("cuda", longest), id=way)
        for way, longest in (("cuda-dense", 2048), ("cuda-flexible", 0))
        if torch.cuda.is_available()
    ],
]
# (prompt, chosen, rejected): lengths in tokens; one answer is a single token.
LENGTHS = ((5, 4, 7), (9, 12, 2), (3, 1, 9))


@pytest.mark.parametrize("longest", [3, 100])
@pytest.mark.parametrize("num_common", [0, 2, 3])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", WAYS)
def test_every_token_scores_as_in_trls_own_forward(
    monkeypatch: pytest.MonkeyPatch,
    way: tuple[str, int],
    family: str,
    num_common: int,
    longest: int,
) -> None:
    device, longest_dense = way
    monkeypatch.setattr(row_attention, "MAX_DENSE_TOKENS", longest_dense)
    monkeypatch.setattr(pair_layout, "MAX_BLOCK_TOKENS", longest)
    usual, sharing = _models(family, device)
    batch, layout = pair_batch(LENGTHS, num_common, device)

    expected, found = (
        usual(**batch, fused_lm_head=True),
        sharing(**batch, pair_layout=layout, fused_lm_head=True),
    )

    for name in (*OUTPUTS, "label_mask"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), **CLOSE)
    for one, other in zip(_gradients(usual, expected), _gradients(sharing, found), strict=True):
        torch.testing.assert_close(other, one, **CLOSE)


@pytest.mark.parametrize("way", WAYS)
def test_a_pass_in_16_bits_is_near_the_exact_one(
    monkeypatch: pytest.MonkeyPatch, way: tuple[str, int]
) -> None:
    device, longest_dense = way
    monkeypatch.setattr(row_attention, "MAX_DENSE_TOKENS", longest_dense)
    exact, sharing = _models("llama", device)
    batch, layout = pair_batch(LENGTHS, 2, device)
    expected = exact(**batch, fused_lm_head=True)
    with torch.autocast(device, torch.bfloat16):
        found = sharing(**batch, pair_layout=layout, fused_lm_head=True)
    torch.testing.assert_close(found.log_probs, expected.log_probs, atol=0.05, rtol=0.0)
    for one, other in zip(_gradients(exact, expected), _gradients(sharing, found), strict=True):
        assert (other - one).norm() < 0.05 * one.norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_log_probabilities_alone_are_those_that_come_with_all_scores(dtype: torch.dtype) -> None:
    _, sharing = _models("llama")
    batch, layout = pair_batch(LENGTHS)
    with torch.no_grad(), torch.autocast("cpu", dtype, enabled=dtype is not torch.float32):
        found = sharing(**batch, pair_layout=layout, fused_lm_head=True, log_probs_only=True)
        expected = sharing(**batch, pair_layout=layout, fused_lm_head=True)
    torch.testing.assert_close(found.log_probs, expected.log_probs, **CLOSE)
    assert found.entropy is None


def test_no_beginning_is_computed_twice_and_no_token_in_vain() -> None:
    _, layout = pair_batch(LENGTHS, num_common=2)
    prompts = 2 + sum(prompt - 2 for prompt, _, _ in LENGTHS)
    # Of an answer the last token is predicted, but predicts nothing.
    answers = sum(chosen - 1 + rejected - 1 for _, chosen, rejected in LENGTHS)
    assert layout.input_ids.shape == (1, prompts + answers)
    first_pair = [*reversed(range(5, 8)), *range(2, 5), *range(5, 11)]
    assert layout.position_ids[0, :14].tolist() == [0, 1, *first_pair]
    assert len(layout.targets) == sum(chosen + rejected for _, chosen, rejected in LENGTHS)


def test_last_layer_leaves_out_what_nothing_is_predicted_from() -> None:
    _, sharing = _models("llama")
    num_tokens = []
    for layer in sharing.model.layers:
        layer.mlp.register_forward_pre_hook(lambda _, args: num_tokens.append(args[0].shape[1]))
    batch, layout = pair_batch(LENGTHS)
    sharing(**batch, pair_layout=layout, fused_lm_head=True)
    assert num_tokens == [layout.input_ids.shape[1], len(layout.targets)]


def test_checkpointed_layers_have_the_same_gradients() -> None:
    usual, sharing = _models("llama")
    sharing.train().gradient_checkpointing_enable({"use_reentrant": False})
    batch, layout = pair_batch(LENGTHS)
    expected, found = (
        usual(**batch, fused_lm_head=True),
        sharing(**batch, pair_layout=layout, fused_lm_head=True),
    )
    torch.testing.assert_close(found.log_probs, expected.log_probs, **CLOSE)
    for one, other in zip(_gradients(usual, expected), _gradients(sharing, found), strict=True):
        torch.testing.assert_close(other, one, **CLOSE)


def test_blocks_hold_little_that_no_token_of_theirs_can_see(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pair_layout, "MAX_BLOCK_TOKENS", 16)
    _, layout = pair_batch(((120, 90, 80), (100, 110, 70)), num_common=60)
    blocks = layout.blocks(None, like=torch.zeros(1))
    num_products = sum(block.mask.numel() for block in blocks)
    num_seen = sum(int((block.mask == 0).sum()) for block in blocks)
    assert num_seen > 0.85 * num_products
    assert num_products < 0.3 * layout.input_ids.numel() ** 2


def test_an_answer_that_max_length_has_cut_away_is_no_hindrance() -> None:
    usual, sharing = _models("llama")
    batch, layout = pair_batch(((5, 0, 3), (6, 4, 4)))
    torch.testing.assert_close(
        sharing(**batch, pair_layout=layout, fused_lm_head=True).log_probs,
        usual(**batch, fused_lm_head=True).log_probs,
        **CLOSE,
    )


def test_batch_that_cannot_be_laid_out_goes_through_trls_own_forward() -> None:
    usual, sharing = _models("llama")
    rows = pair_rows(LENGTHS)
    rows[1]["prompt_ids"] = []  # nothing predicts the answers' first tokens
    trls = DataCollatorForPreference(pad_token_id=0)
    assert PairCollator(trls)(rows).keys() == trls(rows).keys()
    longer_than_the_batch = DataCollatorForPreference(pad_token_id=0, max_length=12)
    assert "pair_layout" not in PairCollator(longer_than_the_batch)(pair_rows(LENGTHS))
    batch, _ = pair_batch(LENGTHS)
    torch.testing.assert_close(
        sharing(**batch, fused_lm_head=True).log_probs,
        usual(**batch, fused_lm_head=True).log_probs,
    )


def test_forward_and_backward_never_ask_for_a_value() -> None:
    # On a GPU each of these waits until the device has got there.
    waiting = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal"}
    config = LlamaConfig(**SIZES, attention_dropout=0.1)  # dropout takes the kernel of GPUs
    _, sharing = _both(config, "cpu")
    batch, layout = pair_batch(LENGTHS, num_common=2)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        _gradients(sharing, sharing.train()(**batch, pair_layout=layout, fused_lm_head=True))
    operations = {event.key for event in profile.key_averages()}
    assert "aten::index_copy" in operations
    assert operations & waiting == set()


def test_logits_are_given_as_before_where_no_loss_is_asked_for() -> None:
    model = _model(FAMILIES["llama"])
    tokens = torch.tensor([[3, 4, 5]])
    expected = model(tokens).logits
    add_fused_lm_head(model, outputs=OUTPUTS)
    share_prefixes(model)
    torch.testing.assert_close(model(tokens).logits, expected)


def test_a_model_that_caps_its_logits_is_left_to_trl() -> None:
    assert not supports(_model(Gemma2Config(**SIZES, head_dim=16)))


CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def _models(family: str, device: str = "cpu") -> tuple[PreTrainedModel, PreTrainedModel]:
    """One model twice: with TRL's own forward, and sharing prefixes."""
    return _both(FAMILIES[family], device)


def _both(config: PreTrainedConfig, device: str) -> tuple[PreTrainedModel, PreTrainedModel]:
    usual = _model(config).to(device)
    sharing = copy.deepcopy(usual)
    assert supports(sharing)
    for model in (usual, sharing):
        add_fused_lm_head(model, outputs=OUTPUTS)
    share_prefixes(sharing)
    return usual, sharing


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
    log_probs = output.log_probs
    weights = torch.linspace(-1, 1, log_probs.numel(), device=log_probs.device)
    weighted = log_probs * weights.view_as(log_probs)
    return list(torch.autograd.grad(weighted.sum(), trained))
