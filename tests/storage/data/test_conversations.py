"""What counts as a prompt, and which texts can be stored."""

import pytest

from storage.data.conversations import prompt_problem, text_problem


def _prompt(*roles: str, content: str = "text") -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role in roles]


@pytest.mark.parametrize(
    "roles",
    [
        ("user",),
        ("system", "user"),
        ("user", "assistant", "user"),
        ("system", "user", "assistant", "user"),
    ],
)
def test_conversation_that_ends_with_the_user_is_a_prompt(roles: tuple[str, ...]) -> None:
    assert prompt_problem(_prompt(*roles)) is None


@pytest.mark.parametrize(
    ("roles", "problem"),
    [
        ((), "without a prompt"),
        (("system",), "without a prompt"),
        (("user", "assistant"), "that do not end with the user"),
        (("user", "user"), "whose turns do not alternate"),
        (("assistant", "user"), "whose turns do not alternate"),
        (("user", "system", "user"), "whose turns do not alternate"),
        (("tool", "user"), "with a role that is not system, user or assistant"),
    ],
)
def test_other_turns_are_refused_with_a_reason(roles: tuple[str, ...], problem: str) -> None:
    assert prompt_problem(_prompt(*roles)) == problem


def test_blank_turn_is_refused_but_blank_system_text_is_kept() -> None:
    assert prompt_problem(_prompt("user", content=" \n")) == "with an empty turn"
    messages = [{"role": "system", "content": ""}, {"role": "user", "content": "hi"}]
    assert prompt_problem(messages) is None


def test_nul_and_half_surrogates_are_refused() -> None:
    assert text_problem("a\0b") == "with a NUL character"
    assert text_problem("a\ud800b") == "with broken Unicode"
    assert text_problem("\U0001f600 \u2028 \x01") is None
