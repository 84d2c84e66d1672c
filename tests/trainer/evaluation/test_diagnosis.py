"""What the curves of a run are said to mean."""

import math

import pytest

from trainer.evaluation.diagnosis import diagnosis, heldout_in_words

LN2 = math.log(2)


def _curve(*values: float) -> list[tuple[int, float]]:
    return list(enumerate(values, start=1))


HEALTHY = {
    "loss": _curve(*[0.69, 0.68, 0.66, 0.63, 0.6, 0.58, 0.55, 0.5, 0.48, 0.45]),
    "rewards/margins": _curve(*[0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
    "rewards/accuracies": _curve(*[0.0, 0.5, 0.5, 0.75, 0.75, 0.75, 1, 0.75, 1, 1]),
    "rewards/chosen": _curve(*[0.0] * 10),
}


def test_healthy_run_needs_no_words() -> None:
    assert diagnosis(HEALTHY, num_train=40) == []
    assert diagnosis({}, num_train=3) == []


@pytest.mark.parametrize(
    ("curves", "words"),
    [
        ({"loss": _curve(0.69, math.nan)}, "not a number"),
        ({"loss": _curve(*[LN2] * 10)}, "stays at 0.693"),
        ({"rewards/margins": _curve(*[7.0] * 5)}, "The margin reached 7.0"),
        ({"rewards/accuracies": _curve(0, *[1.0] * 12)}, "100 % within the first steps"),
        ({"rewards/chosen": _curve(*[-0.5] * 5)}, "That is normal"),
        ({"logps/chosen": _curve(*[-40.0] * 5, *[-80.0] * 5)}, "less likely by 40 nats"),
        (
            {
                "eval_rewards/accuracies": _curve(0.6, 0.9, 0.7),
                "rewards/accuracies": _curve(*[0.95] * 5),
            },
            "fell from 90% to 70%",
        ),
    ],
)
def test_what_stands_out_is_said(curves: dict[str, list[tuple[int, float]]], words: str) -> None:
    (sentence,) = diagnosis({**HEALTHY, **curves}, num_train=40)
    assert words in sentence


def test_few_pairs_are_said_to_show_little() -> None:
    (sentence,) = diagnosis(HEALTHY, num_train=8)
    assert sentence.startswith("With 8 pairs")


def test_a_small_fall_of_chosen_answers_is_normal() -> None:
    curves = {**HEALTHY, "logps/chosen": _curve(*[-40.0] * 5, *[-50.0] * 5)}
    assert diagnosis(curves, num_train=40) == []


def test_reward_model_that_gets_worse_on_held_out_pairs_is_told() -> None:
    curves = {"accuracy": _curve(*[0.95] * 5), "eval_accuracy": _curve(0.6, 0.9, 0.7)}
    (sentence,) = diagnosis(curves, num_train=40)
    assert "fell from 90% to 70%" in sentence


def test_held_out_accuracy_is_told_with_its_interval() -> None:
    sure = heldout_in_words(num_right=90, num_pairs=100, low=0.826, high=0.945)
    assert "90 of 100 (90%; with 95 % confidence 83% to 94%)" in sure
    unsure = heldout_in_words(num_right=3, num_pairs=4, low=0.30, high=0.95)
    assert "may still be guessing" in unsure
