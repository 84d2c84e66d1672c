"""What the curves of a run are said to mean."""

import math

import pytest

from trainer.evaluation.diagnosis import diagnosis

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
        ({"rewards/accuracies": _curve(0, *[1.0] * 12)}, "told apart within the first steps"),
        ({"rewards/chosen": _curve(*[-0.5] * 5)}, "That is normal"),
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
