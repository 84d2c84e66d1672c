import json

import pytest

from app.services.labels.labelling import LabelScreen, PairScreen, Progress
from app.tabs.label import LabelRequest, arrange
from storage.errors import InputError

PROGRESS = Progress(by_me=0, by_me_today=0, by_all=0, num_open=3, num_skipped=0, position=1)


def _pair(pair_id: int) -> PairScreen:
    return PairScreen(pair_id, [{"role": "user", "content": "Hi"}], "left", "right", None, "sign")


def _screen(current: int, upcoming: int) -> LabelScreen:
    return LabelScreen(
        _pair(current) if current else None, _pair(upcoming) if upcoming else None, PROGRESS
    )


def _request(front: int, decks: tuple[int, int], action: str = "fetch") -> LabelRequest:
    return LabelRequest(serial=1, action=action, plain=False, front=front, decks=decks)


def test_the_first_pair_comes_into_the_front_deck() -> None:
    assert arrange(_request(0, (0, 0)), _screen(11, 12)) == (0, (11, 12))


def test_after_a_verdict_the_shown_pair_stays_and_the_free_deck_is_filled() -> None:
    # Pair 11 was judged in deck 0; the script shows deck 1 with pair 12 already.
    assert arrange(_request(1, (0, 12)), _screen(12, 13)) == (1, (13, 12))


def test_undo_keeps_the_pair_that_was_shown_as_the_next_one() -> None:
    # Pair 12 is shown in deck 1; undo brings pair 11 back before it.
    assert arrange(_request(1, (13, 12), "undo"), _screen(11, 12)) == (0, (11, 12))


def test_a_refused_verdict_brings_the_right_pair_to_the_front() -> None:
    assert arrange(_request(1, (0, 12)), _screen(14, 15)) == (1, (15, 14))


def test_an_empty_queue_empties_both_decks() -> None:
    assert arrange(_request(0, (11, 0)), _screen(0, 0)) == (0, (0, 0))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({"serial": 1, "action": "fetch", "plain": False, "front": 0, "decks": [1]}),
        json.dumps({"serial": 1, "action": "verdict", "plain": 0, "front": 0, "decks": [1, 2]}),
    ],
)
def test_a_request_that_the_script_would_not_send_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="Reload"):
        LabelRequest.from_json(text)
