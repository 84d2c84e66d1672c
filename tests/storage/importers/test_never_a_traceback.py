"""Whatever stands where in a row, it is read or dropped with a reason: nothing is raised."""

import copy
from typing import Any

from hypothesis import given, settings, strategies as st

from storage.data.conversations import prompt_problem
from storage.importers.families import FAMILIES
from storage.importers.parsed import ImportedPair
from storage.importers.understanding import understand
from tests.storage.importers.judged_shapes import JUDGED_SHAPES
from tests.storage.importers.nasty_judged_rows import JUDGED_ROWS
from tests.storage.importers.nasty_plain_rows import PLAIN_ROWS
from tests.storage.importers.plain_shapes import PLAIN_SHAPES

ROWS = [row for _, row, _ in [*PLAIN_SHAPES, *JUDGED_SHAPES, *PLAIN_ROWS, *JUDGED_ROWS]]
COLUMNS = sorted({name for family in FAMILIES for name in family.COLUMNS} | {"id", "message_id"})
INNER = ["role", "from", "content", "value", "text", "rank", "score", "status", "messages", "post"]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.just(10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", " ", "a", "tie", "user", "assistant", "model_a", "1", "[", "[{}]", "nan"]
    )
    | st.sampled_from(["\n\nHuman: a\n\nAssistant:", "\n\nHuman: a\n\nAssistant: b", "1e999"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def changed_rows(draw: st.DrawFn) -> dict[str, Any]:
    """Return a row of a known shape with other values in one to three places."""
    row = copy.deepcopy(draw(st.sampled_from(ROWS)))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = row
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and draw(st.booleans()):
                place = place[key]
                continue
            place[key] = draw(VALUES)
            break
    return row


def _check(rows: list[dict[str, Any]], *, every_pair: bool = False) -> None:
    understood = understand(enumerate(rows, start=1), every_pair=every_pair)
    report = understood.report()
    assert set().union(*report.dropped.values()) <= set(range(1, len(rows) + 1))
    for item in understood.items:
        assert prompt_problem(item.messages) is None
        if isinstance(item, ImportedPair):
            assert item.text_a.strip()
            assert item.text_b.strip()
            assert item.text_a != item.text_b


@settings(max_examples=150)
@given(row=st.dictionaries(st.sampled_from(COLUMNS), VALUES, min_size=1, max_size=6))
def test_any_values_in_known_columns(row: dict[str, Any]) -> None:
    _check([row])


@settings(max_examples=250)
@given(rows=st.lists(changed_rows(), min_size=1, max_size=3), every_pair=st.booleans())
def test_rows_of_known_shapes_with_other_values_here_and_there(
    rows: list[dict[str, Any]], every_pair: bool
) -> None:
    _check(rows, every_pair=every_pair)
