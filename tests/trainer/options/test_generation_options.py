"""Options of sampling and of a generate run."""

import re
from typing import Any

import pytest

from trainer.errors import TrainerError
from trainer.options.generation import GenerateOptions, SamplingOptions


def test_no_options_give_the_defaults() -> None:
    options = GenerateOptions.from_dict({})
    assert options == GenerateOptions()
    assert options.problems() == []


def test_options_are_read_by_group() -> None:
    options = GenerateOptions.from_dict(
        {
            "sampling": {"temperature": 0.5, "seed": 3},
            "generation": {"batch_size": 2},
            "quantization": None,
        }
    )
    assert options.sampling == SamplingOptions(temperature=0.5, seed=3)
    assert options.generation.batch_size == 2


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"sampling": {"temprature": 1}}, "no option sampling.temprature"),
        ({"training": {}}, "training"),
        ({"sampling": {"temperature": -1}}, "temperature is -1"),
        ({"sampling": {"temperature": float("nan")}}, "temperature is nan"),
        ({"sampling": {"temperature": "hot"}}, "temperature is 'hot'"),
        ({"sampling": {"top_p": 0}}, "top_p is 0"),
        ({"sampling": {"max_new_tokens": 0}}, "max_new_tokens is 0"),
        ({"sampling": {"max_new_tokens": 2.5}}, "max_new_tokens is 2.5"),
        ({"sampling": {"seed": -1}}, "seed is -1"),
        ({"sampling": {"repetition_penalty": 0}}, "repetition_penalty is 0"),
        ({"sampling": {"temperature": 0}}, "two equal answers"),
        ({"sampling": []}, "sampling"),
        ({"sampling": 3}, "sampling"),
        ({"generation": {"batch_size": True}}, "batch_size is True"),
        ({"generation": {"max_attempts": 0}}, "max_attempts is 0"),
        ({"generation": {"keep_cut_off": "no"}}, "keep_cut_off is 'no'"),
        ({"quantization": "nf4"}, "quantization"),
    ],
)
def test_wrong_option_is_named(values: dict[str, Any], named: str) -> None:
    with pytest.raises(TrainerError, match=re.escape(named)):
        GenerateOptions.from_dict(values).checked()


def test_all_problems_are_told_at_once() -> None:
    problems = SamplingOptions(temperature=9, top_p=2, max_new_tokens=0).problems()
    assert len(problems) == 3


def test_chat_may_be_greedy() -> None:
    assert SamplingOptions.from_dict({"temperature": 0}).checked().temperature == 0


def test_a_word_for_a_number_is_refused_with_its_bounds_beside_all_else_that_is_wrong() -> None:
    with pytest.raises(TrainerError) as refused:
        SamplingOptions.from_dict({"temperature": "x", "top_p": 2, "max_new_tokens": [1]})
    message = str(refused.value)
    assert "temperature is 'x', but it must be a number, from 0 to 5." in message
    assert "top_p is 2.0; it must be over 0 and up to 1." in message
    assert "max_new_tokens is [1], but it must be a whole number, from 1 to 32768." in message
