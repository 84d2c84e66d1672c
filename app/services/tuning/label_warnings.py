"""Flaws of the labels, in words, before they train: contradictions, repetitions, no text."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def label_warnings(rows: Sequence[Row]) -> list[str]:
    """One sentence for each flaw of the training rows (TRL's format), with a way out."""
    seen = Counter((_texts(row, "prompt"), _texts(row, "chosen"), _texts(row, "rejected"))
                   for row in rows)  # fmt: skip
    contradicted = sum(
        number
        for (prompt, chosen, rejected), number in seen.items()
        if (prompt, rejected, chosen) in seen
    )
    repeated = seen.total() - len(seen)
    empty = sum(
        number
        for (_, chosen, rejected), number in seen.items()
        if not (_has_text(chosen) and _has_text(rejected))
    )
    sentences = {
        f"{_pairs(contradicted)} are judged both ways: the same two answers to the same prompt. "
        "They cancel out; withdraw the wrong verdicts on the Data tab, or choose the loss "
        "robust.": contradicted,
        f"{_pairs(repeated)} repeat another one with the same verdict, and so count more than "
        "once. Withdraw the verdicts of the copies on the Data tab if that is not meant.": repeated,
        f"{_pairs(empty)} have an empty answer, which teaches when to say nothing. Withdraw their "
        "verdicts on the Data tab if that is not meant.": empty,
    }
    return [sentence for sentence, number in sentences.items() if number]


def _texts(row: Row, key: str) -> tuple[str, ...]:
    return tuple(text for message in row[key] for text in (message["role"], message["content"]))


def _has_text(texts: tuple[str, ...]) -> bool:
    return any(text.strip() for text in texts[1::2])


def _pairs(number: int) -> str:
    return f"{number:,} of the training pairs"
