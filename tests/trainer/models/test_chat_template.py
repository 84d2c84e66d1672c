"""Conversations as token ids."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tests.trainer.tiny_model import CONTROL_TOKENS
from trainer.errors import TrainerError
from trainer.models import loading
from trainer.models.chat_template import encode_conversation

PIECES = st.sampled_from([*CONTROL_TOKENS, "<|im_", "end|>", "<", "\n", "a b", "é漢", "\ue000"])
TEXTS = st.lists(PIECES, max_size=8).map("".join)


@pytest.fixture(scope="module")
def tokenizer(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return loading.load_tokenizer(str(tiny_base), tmp_path_factory.mktemp("none"))


def _conversation(*contents: str) -> list[dict[str, str]]:
    roles = ("user", "assistant", "user")
    return [{"role": role, "content": text} for role, text in zip(roles, contents, strict=False)]


def test_ordinary_conversation_is_encoded_as_by_the_template(tokenizer: Any) -> None:
    messages = _conversation("Hi, 漢!", "Hello <b>", "x < y | z")
    ids = encode_conversation(tokenizer, messages, add_generation_prompt=True)
    plain = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert ids == plain


@settings(max_examples=200)
@given(st.tuples(TEXTS, TEXTS, TEXTS))
def test_typed_control_tokens_stay_text(tokenizer: Any, contents: tuple[str, str, str]) -> None:
    messages = _conversation(*contents)
    ids = encode_conversation(tokenizer, messages, add_generation_prompt=True)
    assert ids.count(1) == 4
    assert ids.count(2) == 3
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert tokenizer.decode(ids) == text


def test_refusal_of_the_template_gives_its_reason(tokenizer: Any) -> None:
    import copy

    strict = copy.deepcopy(tokenizer)
    strict.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(TrainerError, match="refuses a conversation of user: roles must alternate"):
        encode_conversation(strict, _conversation("a"), add_generation_prompt=True)
