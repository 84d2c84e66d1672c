"""The sampling loop, against the definition of each option and against transformers' generate."""

from collections import Counter
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import PreTrainedModel

from trainer.generation.sampling import Batch, choose_tokens, sample
from trainer.options.generation import SamplingOptions

GREEDY = SamplingOptions(temperature=0, max_new_tokens=20)
DRAWN = SamplingOptions(temperature=1.0, top_p=1.0, max_new_tokens=20)
PROMPTS = [[5, 6, 7, 8, 9], [11, 12], [200, 3, 4, 150, 77, 20, 21]]


def completions(
    model: Any, batch: Batch, sampling: SamplingOptions, stop_ids: frozenset[int] = frozenset()
) -> list[list[int]]:
    rows: dict[int, list[int]] = {}
    for new_tokens in sample(model, batch, sampling, stop_ids=stop_ids):
        for new in new_tokens:
            rows.setdefault(new.row, []).append(new.token_id)
    return [rows[row] for row in sorted(rows)]


def one_each(prompts: list[list[int]], seed: int = 0) -> Batch:
    return Batch(prompts, [[seed]] * len(prompts))


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("Llama", {}),
        ("Qwen2", {}),
        ("Qwen3", {}),
        ("Phi3", {}),
        ("Mistral", {"sliding_window": 6}),
        ("Gemma3", {"sliding_window": 6, "layer_types": ["sliding_attention", "full_attention"]}),
    ],
)
def test_greedy_tokens_of_a_padded_batch_are_those_of_generate_alone(
    random_model: Any, family: str, options: dict[str, Any]
) -> None:
    model = random_model(family, **options)
    got = completions(model, one_each(PROMPTS), GREEDY)
    for prompt, tokens in zip(PROMPTS, got, strict=True):
        expected = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=20)
        assert tokens == expected[0, len(prompt) :].tolist()


def test_completion_depends_on_seed_and_prompt_not_on_its_place(llama: PreTrainedModel) -> None:
    alone = completions(llama, Batch([PROMPTS[1]], [[7]]), DRAWN)[0]
    together = completions(llama, Batch(PROMPTS, [[1, 2], [3, 7], [4]]), DRAWN)
    assert together[3] == alone


def test_two_seeds_of_one_prompt_give_two_completions(llama: PreTrainedModel) -> None:
    first, second = completions(llama, Batch([PROMPTS[0]], [[1, 2]]), DRAWN)
    assert first != second


def test_shorter_limit_gives_the_start_of_the_same_completion(llama: PreTrainedModel) -> None:
    shorter = SamplingOptions(temperature=1.0, top_p=1.0, max_new_tokens=5)
    batch = Batch([PROMPTS[0]], [[9]])
    assert completions(llama, batch, shorter)[0] == completions(llama, batch, DRAWN)[0][:5]


@pytest.mark.parametrize("keeps_shape", [False, True])
def test_rows_end_at_a_stop_token_and_the_others_go_on_unchanged(
    llama: PreTrainedModel, keeps_shape: bool
) -> None:
    seeds = [[seed, seed + 10] for seed in range(3)]
    free = completions(llama, Batch(PROMPTS, seeds), DRAWN)
    counts = Counter(token for tokens in free for token in set(tokens[2:15]))
    stop_id = counts.most_common(1)[0][0]
    batch = Batch(PROMPTS, seeds, keeps_shape=keeps_shape)
    stopped = completions(llama, batch, DRAWN, frozenset([stop_id]))
    for tokens, full in zip(stopped, free, strict=True):
        end = full.index(stop_id) + 1 if stop_id in full else len(full)
        assert tokens == full[:end]
    assert len({len(tokens) for tokens in stopped}) > 1


def test_finish_reason_tells_stop_from_length(llama: PreTrainedModel) -> None:
    batch = Batch([PROMPTS[0]], [[3]])
    tokens = completions(llama, batch, DRAWN)[0]
    stop_ids = frozenset([tokens[4]])
    by_length = [new for step in sample(llama, batch, DRAWN, stop_ids=frozenset()) for new in step]
    by_stop = [new for step in sample(llama, batch, DRAWN, stop_ids=stop_ids) for new in step]
    assert [new.finish_reason for new in by_length] == [None] * 19 + ["length"]
    assert by_stop[-1].finish_reason == "stop"
    assert by_stop[-1].token_id == tokens[4]


def test_rows_that_are_done_cost_nothing(llama: PreTrainedModel) -> None:
    batch = Batch(PROMPTS, [[1], [2], [3]])
    stop_ids = frozenset(tokens[0] for tokens in completions(llama, batch, DRAWN)[:2])
    batch_sizes: list[int] = []
    hook = llama.register_forward_pre_hook(
        lambda _, __, inputs: batch_sizes.append(len(inputs["input_ids"])), with_kwargs=True
    )
    completions(llama, batch, DRAWN, stop_ids)
    hook.remove()
    assert batch_sizes[:2] == [3, 1]


def test_prompt_is_computed_once_for_all_its_completions(llama: PreTrainedModel) -> None:
    num_tokens: list[int] = []
    hook = llama.register_forward_pre_hook(
        lambda _, __, inputs: num_tokens.append(inputs["input_ids"].numel()), with_kwargs=True
    )
    completions(llama, Batch([PROMPTS[0]], [[1, 2, 3]]), DRAWN)
    hook.remove()
    assert num_tokens == [5] + [3] * 19


def test_adapter_rows_and_base_rows_of_one_batch_are_what_they_are_alone(
    random_model: Any,
) -> None:
    base = random_model("Llama")
    expected_base = completions(base, one_each([PROMPTS[0]]), GREEDY)[0]
    torch.manual_seed(1)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    tuned = get_peft_model(base, config, adapter_name="tuned").eval()
    expected_tuned = completions(tuned, one_each([PROMPTS[0]]), GREEDY)[0]
    both = Batch([PROMPTS[0]] * 2, [[0], [0]], adapter_names=["__base__", "tuned"])
    assert expected_base != expected_tuned
    assert completions(tuned, both, GREEDY) == [expected_base, expected_tuned]


def test_repetition_penalty_is_that_of_generate(llama: PreTrainedModel) -> None:
    options = SamplingOptions(temperature=0, max_new_tokens=20, repetition_penalty=1.7)
    got = completions(llama, one_each(PROMPTS), options)
    for prompt, tokens in zip(PROMPTS, got, strict=True):
        expected = llama.generate(
            torch.tensor([prompt]), do_sample=False, max_new_tokens=20, repetition_penalty=1.7
        )
        assert tokens == expected[0, len(prompt) :].tolist()
    assert got != completions(llama, one_each(PROMPTS), GREEDY)


def test_draw_inverts_the_cumulative_distribution() -> None:
    # Falling: token 2 (0.5), token 0 (0.3), token 1 (0.2).
    logits = torch.tensor([[0.3, 0.2, 0.5]]).log().repeat(5, 1)
    uniforms = torch.tensor([0.0, 0.49, 0.51, 0.79, 0.99])
    options = SamplingOptions(temperature=1.0, top_p=1.0)
    assert choose_tokens(logits, uniforms, options).tolist() == [2, 2, 0, 0, 1]


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    logits = torch.tensor([[0.3, 0.2, 0.5]]).log().repeat(3, 1)
    uniforms = torch.tensor([0.0, 0.624, 0.999])  # 0.5 / 0.8 = 0.625 is the border
    options = SamplingOptions(temperature=1.0, top_p=0.6)
    assert choose_tokens(logits, uniforms, options).tolist() == [2, 2, 0]


def test_temperature_divides_the_logits() -> None:
    # 0.8 against 0.2 at temperature 0.5 is 0.64 against 0.04: 0.941 of the mass.
    logits = torch.tensor([[0.8, 0.2]]).log().repeat(2, 1)
    options = SamplingOptions(temperature=0.5, top_p=1.0)
    assert choose_tokens(logits, torch.tensor([0.94, 0.942]), options).tolist() == [0, 1]


def test_flat_distribution_over_a_large_vocabulary_is_drawn_from_as_a_whole() -> None:
    """The likeliest few hundred do not hold top_p here, so all tokens are looked at."""
    torch.manual_seed(0)
    logits = torch.randn(1, 5000) * 0.1
    options = SamplingOptions(temperature=1.0, top_p=0.9)
    uniforms = (torch.arange(400) + 0.5) / 400
    drawn = choose_tokens(logits.repeat(400, 1), uniforms, options)
    by_rank = logits[0].softmax(-1).sort(descending=True)
    num_kept = int((by_rank.values.cumsum(-1) - by_rank.values < 0.9).sum())
    assert set(drawn.tolist()) <= set(by_rank.indices[:num_kept].tolist())
    assert len(set(drawn.tolist())) > 300


def test_frequencies_follow_the_probabilities() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 40)
    options = SamplingOptions(temperature=1.0, top_p=1.0)
    drawn = choose_tokens(logits.repeat(20000, 1), torch.rand(20000), options)
    frequencies = torch.bincount(drawn, minlength=40) / 20000
    assert torch.allclose(frequencies, logits.softmax(-1)[0], atol=0.012)
