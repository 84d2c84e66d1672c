"""Makes pairs out of several rated answers to one prompt."""

from collections.abc import Iterable, Sequence
from itertools import combinations

from storage.data.conversations import Message
from storage.enums import Verdict
from storage.importers.parsed import (
    FEW_ANSWERS,
    Answer,
    Dropped,
    ImportedPair,
    ImportedRanking,
    checked_pair,
)
from storage.importers.verdict_codes import verdict_by_scores


def pairs_of(ranking: ImportedRanking, *, every_pair: bool) -> list[ImportedPair | Dropped]:
    """Return the best answer against the worst, or with `every_pair` each against each other.

    The better one comes first, and the strength is the difference of the scores. Answers that
    are all rated the same make one tie; answers without any rating pair up in twos to be labelled.
    """
    rated = sorted(
        (answer for answer in ranking.answers if answer.score is not None),
        key=lambda answer: -(answer.score or 0),
    )
    if len(rated) == 1:
        return [Dropped(FEW_ANSWERS)]
    twos: Iterable[tuple[Answer, Answer]]
    if not rated:
        twos = zip(ranking.answers[::2], ranking.answers[1::2], strict=False)
    else:
        twos = combinations(rated, 2) if every_pair else [(rated[0], _worst(rated))]
    return [_pair(ranking.messages, better, worse) for better, worse in twos]


def _worst(rated: Sequence[Answer]) -> Answer:
    """Return the first of the lowest score whose text is not the best one's, if there is one."""
    lowest = [answer for answer in rated[1:] if answer.score == rated[-1].score]
    return next((answer for answer in lowest if answer.text != rated[0].text), lowest[0])


def _pair(messages: list[Message], a: Answer, b: Answer) -> ImportedPair | Dropped:
    verdict: Verdict | None = None
    strength = None
    if a.score is not None and b.score is not None:
        verdict, strength = verdict_by_scores(a.score, b.score), abs(a.score - b.score)
    return checked_pair(
        messages,
        a.text,
        b.text,
        verdict=verdict,
        strength=strength,
        model_a=a.model,
        model_b=b.model,
    )
