"""Text as it streams: never half a character, and in the end exactly the decoded text."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from transformers import AutoTokenizer

from trainer.generation.text_stream import TextStream


@pytest.fixture(scope="session")
def tokenizer(tiny_base: Path) -> Any:
    """Each byte is a token, so a character beyond ASCII takes several."""
    return AutoTokenizer.from_pretrained(tiny_base)


def deltas(tokenizer: Any, token_ids: list[int]) -> list[str]:
    stream = TextStream(tokenizer)
    return [*(stream.push(token_id) for token_id in token_ids), stream.finish()]


@pytest.mark.parametrize(
    "text", ["水的沸点是多少？", "😀 👩‍👩‍👧 🇨🇭", "naïve café", " two  spaces ", "a\n\nb"]
)
def test_no_delta_holds_half_a_character(tokenizer: Any, text: str) -> None:
    pieces = deltas(tokenizer, tokenizer(text)["input_ids"])
    assert "".join(pieces) == text
    assert not any("\N{REPLACEMENT CHARACTER}" in piece for piece in pieces)


def test_character_is_shown_with_its_last_byte(tokenizer: Any) -> None:
    token_ids = tokenizer("水a")["input_ids"]
    assert deltas(tokenizer, token_ids) == ["", "", "水", "a", ""]


def test_character_that_never_became_whole_comes_at_the_end_as_a_replacement(
    tokenizer: Any,
) -> None:
    token_ids = tokenizer("ok水")["input_ids"][:-1]
    assert deltas(tokenizer, token_ids) == ["o", "k", "", "", "\N{REPLACEMENT CHARACTER}"]


def test_control_tokens_are_no_text(tokenizer: Any) -> None:
    token_ids = [tokenizer.bos_token_id, *tokenizer("hi")["input_ids"], tokenizer.eos_token_id]
    assert "".join(deltas(tokenizer, token_ids)) == "hi"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_deltas_of_any_text_put_together_are_the_text(tokenizer: Any, text: str) -> None:
    assert "".join(deltas(tokenizer, tokenizer(text)["input_ids"])) == text


@given(st.lists(st.integers(3, 258), max_size=40))
def test_deltas_of_any_bytes_put_together_are_the_decoded_text(
    tokenizer: Any, token_ids: list[int]
) -> None:
    decoded = tokenizer.decode(token_ids, clean_up_tokenization_spaces=False)
    assert "".join(deltas(tokenizer, token_ids)) == decoded
