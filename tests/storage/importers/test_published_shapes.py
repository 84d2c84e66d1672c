"""One record of each published shape: recognised without help, with the exact texts and verdict."""

from dataclasses import replace
from typing import Any

import pytest

from storage.importers.parsed import ImportedPair
from storage.importers.understanding import understand
from tests.storage.importers.judged_shapes import JUDGED_SHAPES
from tests.storage.importers.nasty_judged_rows import JUDGED_ROWS
from tests.storage.importers.nasty_plain_rows import PLAIN_ROWS
from tests.storage.importers.plain_shapes import PLAIN_SHAPES
from tests.storage.importers.turns import ASKED, BAD, GOOD, pair


@pytest.mark.parametrize(("name", "row", "expected"), [*PLAIN_SHAPES, *JUDGED_SHAPES])
def test_published_shape_is_recognised_and_read(
    name: str, row: dict[str, Any], expected: ImportedPair
) -> None:
    understood = understand([(1, row)])
    assert understood.dropped == {}
    assert list(understood.formats) == [name]
    assert [replace(item, metadata={}) for item in understood.items] == [expected]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (
            "KTO",
            [
                {"prompt": "Q", "completion": "bad", "label": False},
                {"prompt": "Q", "completion": "good", "label": True},
            ],
        ),
        (
            "KTO",
            [
                {"prompt": ASKED, "completion": GOOD, "label": True},
                {"prompt": ASKED, "completion": BAD, "label": False},
            ],
        ),
        (
            "KTO",
            [
                {"messages": ASKED + GOOD, "label": True},
                {"messages": ASKED + BAD, "kto_tag": False},
            ],
        ),
    ],
)
def test_labelled_answers_to_one_prompt_make_a_pair(name: str, rows: list[dict[str, Any]]) -> None:
    understood = understand(enumerate(rows, start=1))
    assert (list(understood.formats), understood.items, understood.dropped) == (
        [name],
        [pair()],
        {},
    )


def test_rated_answers_of_two_rows_make_a_pair() -> None:
    shared = {"prompt": "Q", "correctness": 4, "coherence": 4, "complexity": 2, "verbosity": 2}
    rows = [
        {**shared, "response": "bad", "helpfulness": 1},
        {**shared, "response": "good", "helpfulness": 4},
    ]
    assert understand(enumerate(rows, start=1)).items == [pair(strength=3)]


@pytest.mark.parametrize(("name", "row", "expected"), [*PLAIN_ROWS, *JUDGED_ROWS])
def test_unusual_row_is_read_exactly_or_dropped_with_a_reason(
    name: str, row: dict[str, Any], expected: ImportedPair | str
) -> None:
    understood = understand([(7, row)])
    assert list(understood.formats) == [name]
    if isinstance(expected, str):
        assert (understood.dropped, understood.items) == ({expected: [7]}, [])
    else:
        assert understood.dropped == {}
        assert [replace(item, metadata={}) for item in understood.items] == [expected]
