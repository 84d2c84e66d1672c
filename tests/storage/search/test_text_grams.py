"""What the search index keeps of texts, and what a search finds in them."""

import pytest
from hypothesis import given, strategies as st

from storage.search.text_grams import grams, search_for


def test_words_are_kept_in_pieces_of_three_and_short_ones_whole() -> None:
    assert grams("A River, go!") == {"a", "riv", "ive", "ver", "go"}


def test_chinese_is_kept_by_characters_and_pairs() -> None:
    assert grams("天气好") == {"天", "气", "好", "天气", "气好"}


@pytest.mark.parametrize(
    ("search", "text"),
    [
        ("RIVER", "the river bank"),
        ("iver", "the river bank"),
        ("bank river", "the river bank"),
        ("天气", "今天天气"),
        ("气", "今天天气"),
        ("r语言", "我用R语言"),
        ("ＧＰＴ", "gpt模型"),
        ("straße", "STRASSE"),
        ("überr", "Eine Überraschung"),
        ("c++", "in C++ or C#"),
        ("100%", "100% sure"),
        ("foo_bar", "call foo_bar(1)"),
        ('"quoted"', 'so "quoted" it'),
        ("don't", "Don't!"),
        ("?", "why?"),
    ],
)
def test_search_finds(search: str, text: str) -> None:
    assert search_for(search).holds(text)
    assert search_for(search).grams <= grams(text)


@pytest.mark.parametrize(
    ("search", "text"),
    [
        ("river lake", "the river bank"),
        ("go", "good going"),
        ("100%", "100 percent"),
        ("su_e", "sure"),
        ("天好", "天气好"),
        ("bank%", "the bank"),
    ],
)
def test_search_does_not_find(search: str, text: str) -> None:
    assert not search_for(search).holds(text)


@given(st.text(max_size=40), st.text(max_size=40), st.data())
def test_index_never_misses_a_text_that_holds_the_search(
    before: str, after: str, data: st.DataObject
) -> None:
    text = before + after
    start = data.draw(st.integers(0, len(text)))
    search = search_for(text[start : data.draw(st.integers(start, len(text)))])
    if search.holds(text):
        assert search.grams <= grams(text)
