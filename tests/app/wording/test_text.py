import pytest
from hypothesis import given, strategies as st

from app.wording.text import duration, escaped, fenced


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (59.4, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (7260, "2 h 01 min")],
)
def test_a_duration_is_as_precise_as_a_person_plans(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@given(st.text(alphabet="`a\n"))
def test_no_text_can_end_its_own_code_block(text: str) -> None:
    opening, _, rest = fenced(text).partition("\n")
    fence = opening.removesuffix("plain")
    assert rest == f"{text}\n{fence}"
    assert fence not in text


def test_names_and_messages_are_shown_letter_for_letter() -> None:
    shown = escaped("<img src=x> **a** [b](c)\n# d")
    assert "<" not in shown
    assert "**" not in shown
    assert "\n" not in shown
