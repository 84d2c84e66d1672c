"""Which completions make a pair, and what becomes of the others."""

from trainer.generation.pair_drafts import (
    BatchLimit,
    Completion,
    Draft,
    batches,
    completion_seed,
    tally,
)
from trainer.options.generation import GenerationOptions

OPTIONS = GenerationOptions()
GENEROUS = BatchLimit(num_rows=100, num_tokens=10**6, max_new_tokens=10)


def completion(text: str, finish_reason: str = "stop") -> Completion:
    return Completion(text, seed=1, num_tokens=3, finish_reason=finish_reason)


def draft(prompt_id: int = 1, length: int = 5) -> Draft:
    return Draft(prompt_id, [0] * length)


def test_two_different_answers_make_a_pair() -> None:
    made = draft()
    made.take("b", completion("no"), OPTIONS)
    assert made.wanted() == ["a"]
    made.take("a", completion("yes"), OPTIONS)
    assert made.is_pair()
    assert made.fields() == {
        "prompt_id": 1,
        "a": {"text": "yes", "seed": 1, "num_tokens": 3, "finish_reason": "stop"},
        "b": {"text": "no", "seed": 1, "num_tokens": 3, "finish_reason": "stop"},
    }


def test_answer_that_differs_in_outer_spaces_only_is_identical() -> None:
    made = draft()
    made.take("a", completion("yes"), OPTIONS)
    made.take("b", completion(" yes\n"), OPTIONS)
    assert made.problem == "identical"
    assert made.wanted() == ["b"]


def test_empty_answer_is_wanted_again() -> None:
    made = draft()
    made.take("a", completion(" \n"), OPTIONS)
    assert (made.problem, made.wanted()) == ("empty", ["a", "b"])


def test_cut_off_answer_is_wanted_again_unless_the_options_keep_it() -> None:
    made = draft()
    made.take("a", completion("I think that", "length"), OPTIONS)
    assert (made.problem, made.wanted()) == ("cut_off", ["a", "b"])
    made.take("a", completion("I think that", "length"), GenerationOptions(keep_cut_off=True))
    assert made.wanted() == ["b"]


def test_tally_counts_pairs_resampled_and_dropped_by_reason() -> None:
    pair, hopeless, unfinished = draft(1), draft(2), draft(3)
    for side, text in (("a", ""), ("b", "no"), ("a", "yes")):
        pair.take(side, completion(text), OPTIONS)
    for side in ("a", "b", "b", "b"):
        hopeless.take(side, completion("same"), OPTIONS)
    hopeless.is_given_up = True
    unfinished.take("a", completion("", "length"), OPTIONS)
    counted = tally([pair, hopeless, unfinished])
    assert (counted.num_pairs, counted.num_settled, counted.num_resampled) == (1, 2, 1 + 2)
    assert counted.dropped == {"identical": 1, "empty": 0, "cut_off": 0}


def test_batches_are_sorted_by_length_and_hold_every_draft_once() -> None:
    drafts = [draft(number, length) for number, length in enumerate([9, 3, 7, 3, 8])]
    made = list(batches(drafts, BatchLimit(num_rows=4, num_tokens=10**6, max_new_tokens=10)))
    assert [[d.prompt_id for d in batch] for batch in made] == [[1, 3], [2, 4], [0]]


def test_long_prompts_make_smaller_batches() -> None:
    drafts = [draft(number, 100) for number in range(4)]
    limit = BatchLimit(num_rows=100, num_tokens=4 * 110, max_new_tokens=10)
    assert [len(batch) for batch in batches(drafts, limit)] == [2, 2]


def test_draft_over_the_limit_is_a_batch_of_its_own() -> None:
    limit = BatchLimit(num_rows=1, num_tokens=10, max_new_tokens=10)
    assert [len(batch) for batch in batches([draft(1), draft(2)], limit)] == [1, 1]


def test_drafts_that_want_one_side_fill_a_batch_twice_as_far() -> None:
    drafts = [draft(number) for number in range(4)]
    for half in drafts:
        half.take("a", completion("yes"), OPTIONS)
    limit = BatchLimit(num_rows=4, num_tokens=10**6, max_new_tokens=10)
    assert [len(batch) for batch in batches(drafts, limit)] == [4]


def test_no_drafts_make_no_batch() -> None:
    assert list(batches([], GENEROUS)) == []


def test_seeds_differ_by_seed_prompt_attempt_and_side_and_stay_the_same() -> None:
    seeds = {
        completion_seed(seed, prompt_id, attempt, side)
        for seed in range(3)
        for prompt_id in range(20)
        for attempt in range(3)
        for side in ("a", "b")
    }
    assert len(seeds) == 3 * 20 * 3 * 2
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert completion_seed(0, 1, 0, "a") == completion_seed(0, 1, 0, "a")
