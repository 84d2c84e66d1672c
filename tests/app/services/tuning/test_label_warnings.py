"""Flaws of the labels that a person is told of before the start."""

from typing import Any

from app.services.tuning.label_warnings import label_warnings


def _row(prompt: str, chosen: str, rejected: str) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": prompt}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
    }


def test_good_labels_need_no_words() -> None:
    assert label_warnings([_row("p", "a", "b"), _row("p", "a", "c"), _row("q", "b", "a")]) == []


def test_a_pair_judged_both_ways_is_told() -> None:
    (sentence,) = label_warnings([_row("p", "a", "b"), _row("p", "b", "a"), _row("q", "c", "d")])
    assert sentence.startswith("2 of the training pairs are judged both ways")


def test_repeated_pairs_are_told() -> None:
    (sentence,) = label_warnings([_row("p", "a", "b")] * 3)
    assert sentence.startswith("2 of the training pairs repeat another one")


def test_an_empty_answer_is_told() -> None:
    (sentence,) = label_warnings([_row("p", "a", " "), _row("p", "a", "b")])
    assert sentence.startswith("1 of the training pairs have an empty answer")
