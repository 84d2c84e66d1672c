"""Each format's rows, ordinary and nasty: the exact prompt, answers and verdict, or a reason."""

from collections.abc import Mapping
from typing import Any

import pytest

from storage.enums import Verdict
from storage.importers.parsed import Dropped, ImportedPair, ImportedPrompt, Parsed
from storage.importers.understanding import FAMILIES


def _parse(row: Mapping[str, Any]) -> tuple[str, Parsed]:
    for family in FAMILIES:
        if family.recognises(row):
            return family.NAME, family.parse(row)
    return "unknown", Dropped("")


def _user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def _assistant(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


def _pair(*messages: dict[str, str], a: str, b: str, verdict: str | None = "a") -> ImportedPair:
    return ImportedPair(list(messages), a, b, None if verdict is None else Verdict(verdict))


def _dialogues(start: str, chosen: str, rejected: str) -> dict[str, str]:
    return {"chosen": start + chosen, "rejected": start + rejected}


HH_ROWS: list[tuple[dict[str, Any], Parsed]] = [
    (
        _dialogues("\n\nHuman: Hi\n\nAssistant:", " Hello!", " Go away."),
        _pair(_user("Hi"), a="Hello!", b="Go away."),
    ),
    (
        _dialogues("\n\nHuman:Hi\n\nAssistant:", "Hello!", "  Go.\n"),  # no space, two spaces
        _pair(_user("Hi"), a="Hello!", b=" Go.\n"),
    ),
    (
        _dialogues("\n\nHuman: 1\n\n2\n\nAssistant: b\n\nHuman: c \n\nAssistant:", " d", " e"),
        _pair(_user("1\n\n2"), _assistant("b"), _user("c "), a="d", b="e"),
    ),
    (
        _dialogues("\n\nHuman: say Assistant: twice\n\nAssistant:", " The one", " The other"),
        _pair(_user("say Assistant: twice"), a="The one", b="The other"),
    ),
    (
        _dialogues("\n\nHuman: a\n\nAssistant:", " b\n\nHuman: c\n\nAssistant: d", " e"),
        Dropped("with answers of several turns"),
    ),
    (
        {"chosen": "\n\nHuman: a\n\nAssistant: x", "rejected": "\n\nHuman: b\n\nAssistant: x"},
        Dropped("without a common prompt"),
    ),
    (_dialogues("\n\nHuman: a\n\nAssistant:", " x", " x"), Dropped("equal")),
    (_dialogues("\n\nHuman: a\n\nAssistant:", " ", " x"), Dropped("with an empty side")),
    (_dialogues("\n\nHuman: \n\nAssistant:", " y", " x"), Dropped("with an empty turn")),
    (
        _dialogues("\n\nHuman: a\n\nHuman: b\n\nAssistant:", " y", " x"),
        Dropped("whose turns do not alternate"),
    ),
]

CN_ROWS: list[tuple[dict[str, Any], Parsed]] = [
    (
        {
            "context": [{"role": "human", "text": "你好"}],
            "chosen": {"role": "assistant", "text": "您好"},
            "rejected": {"role": "assistant", "text": "走开\n"},
        },
        _pair(_user("你好"), a="您好", b="走开\n"),
    ),
    (
        {
            "context": [
                {"role": "system", "text": "s"},
                {"role": "human", "text": " 一 "},
                {"role": "assistant", "text": "二"},
                {"role": "human", "text": "三"},
            ],
            "chosen": {"role": "assistant", "text": "a"},
            "rejected": {"role": "assistant", "text": "b"},
        },
        _pair(
            {"role": "system", "content": "s"},
            _user(" 一 "),
            _assistant("二"),
            _user("三"),
            a="a",
            b="b",
        ),
    ),
    (
        {
            "context": [{"role": "human", "text": 5}],
            "chosen": {"role": "assistant", "text": "a"},
            "rejected": {"role": "assistant", "text": "b"},
        },
        Dropped("with content that is not text"),
    ),
    (
        {
            "context": [],
            "chosen": {"role": "assistant", "text": "a"},
            "rejected": {"role": "assistant", "text": "b"},
        },
        Dropped("without a prompt"),
    ),
    (
        {
            "context": [{"role": "human", "text": "x"}],
            "chosen": {"role": "assistant", "text": None},
            "rejected": {"role": "assistant", "text": "b"},
        },
        Dropped("with content that is not text"),
    ),
]

CONVERSATIONAL_ROWS: list[tuple[dict[str, Any], Parsed]] = [
    (
        {"prompt": [_user("Q")], "chosen": [_assistant("good")], "rejected": [_assistant(" bad ")]},
        _pair(_user("Q"), a="good", b=" bad "),
    ),
    (
        {
            "chosen": [_user("Q"), _assistant("good")],
            "rejected": [_user("Q"), _assistant("bad")],
        },
        _pair(_user("Q"), a="good", b="bad"),
    ),
    (
        {
            "chosen": [_user("Q"), _assistant("A"), _user("R"), _assistant("good")],
            "rejected": [_user("Q"), _assistant("A"), _user("R"), _assistant("bad")],
        },
        _pair(_user("Q"), _assistant("A"), _user("R"), a="good", b="bad"),
    ),
    (
        {
            "prompt": [{"role": "human", "content": "Q"}],
            "chosen": [{"role": "gpt", "content": "good"}],
            "rejected": [{"role": "bot", "content": "bad"}],
            "tools": [],
        },
        _pair(_user("Q"), a="good", b="bad"),
    ),
    (
        {
            "chosen": [_user("Q"), _assistant("A"), _user("R"), _assistant("good")],
            "rejected": [_user("Q"), _assistant("B")],
        },
        Dropped("with answers of several turns"),
    ),
    (
        {"chosen": [_user("Q"), _assistant("x")], "rejected": [_user("P"), _assistant("y")]},
        Dropped("without a common prompt"),
    ),
    (
        {"chosen": [_user("Q"), _assistant("x")], "rejected": [_user("Q"), _assistant("x")]},
        Dropped("equal"),
    ),
    (
        {"prompt": [_user("Q")], "chosen": [], "rejected": [_assistant("x")]},
        Dropped("with an empty side"),
    ),
    (
        {"prompt": [_user("Q")], "chosen": [_user("x")], "rejected": [_assistant("y")]},
        Dropped("with answers of several turns"),
    ),
    (
        {
            "prompt": [{"role": "user", "content": [{"type": "image"}]}],
            "chosen": [_assistant("x")],
            "rejected": [_assistant("y")],
        },
        Dropped("with content that is not text"),
    ),
    (
        {
            "prompt": [{"role": "tool", "content": "x"}, _user("Q")],
            "chosen": [_assistant("x")],
            "rejected": [_assistant("y")],
        },
        Dropped("with a role that is not system, user or assistant"),
    ),
]

STANDARD_ROWS: list[tuple[dict[str, Any], Parsed]] = [
    (
        {"prompt": "The sky is", "chosen": " blue.", "rejected": " green."},
        _pair(_user("The sky is"), a=" blue.", b=" green."),
    ),
    (
        {"chosen": "The sky is blue.", "rejected": "The sky is black."},
        _pair(_user("The sky is"), a=" blue.", b=" black."),
    ),
    (
        {"chosen": "天空是蓝色的", "rejected": "天空是绿色的"},
        _pair(_user("天空是"), a="蓝色的", b="绿色的"),
    ),
    (
        {"chosen": "Hi! You!", "rejected": "Hi! Me!"},
        _pair(_user("Hi!"), a=" You!", b=" Me!"),
    ),
    ({"chosen": "blue", "rejected": "black"}, Dropped("without a common prompt")),
    ({"chosen": "same", "rejected": "same"}, Dropped("equal")),
    ({"chosen": "The sky", "rejected": "The sky is"}, Dropped("with an empty side")),
    ({"prompt": "Q", "chosen": "a", "rejected": "a"}, Dropped("equal")),
    ({"prompt": "Q", "chosen": "a", "rejected": "\n"}, Dropped("with an empty side")),
    ({"prompt": " ", "chosen": "a", "rejected": "b"}, Dropped("with an empty turn")),
]

TWO_ANSWER_ROWS: list[tuple[dict[str, Any], Parsed]] = [
    (
        {"prompt": "Q", "answer_a": "x", "answer_b": "y"},
        _pair(_user("Q"), a="x", b="y", verdict=None),
    ),
    (
        {"prompt": [_user("Q")], "answer_a": "x", "answer_b": "y", "winner": "b"},
        _pair(_user("Q"), a="x", b="y", verdict="b"),
    ),
    (
        {"prompt": "Q", "answer_a": "x", "answer_b": "y", "winner": "tie"},
        _pair(_user("Q"), a="x", b="y", verdict="tie"),
    ),
    (
        {"prompt": "Q", "answer_a": "x", "answer_b": "y", "winner": None},
        _pair(_user("Q"), a="x", b="y", verdict=None),
    ),
    (
        {"prompt": "Q", "answer_a": "x", "answer_b": "y", "winner": "model_a"},
        Dropped("with an unknown winner"),
    ),
    (
        {"prompt": "Q", "answer_a": "x", "answer_b": "y", "winner": ["a"]},
        Dropped("with an unknown winner"),
    ),
    (
        {"prompt": "Q", "answer_a": 1, "answer_b": "y"},
        Dropped("with content that is not text"),
    ),
    ({"prompt": 5, "answer_a": "x", "answer_b": "y"}, Dropped("with content that is not text")),
]

PROMPT_ROWS: list[tuple[dict[str, Any], Parsed]] = [
    ({"prompt": " Q\n"}, ImportedPrompt([_user(" Q\n")])),
    (
        {"prompt": [_user("Q"), _assistant("A"), _user("R")]},
        ImportedPrompt([_user("Q"), _assistant("A"), _user("R")]),
    ),
    (
        {"messages": [{"role": "system", "content": "s"}, _user("Q")], "id": 3},
        ImportedPrompt([{"role": "system", "content": "s"}, _user("Q")]),
    ),
    ({"messages": [_user("Q"), _assistant("A")]}, Dropped("that do not end with the user")),
    ({"prompt": ""}, Dropped("with an empty turn")),
    ({"prompt": None}, Dropped("with content that is not text")),
    ({"messages": "hi"}, ImportedPrompt([_user("hi")])),
    ({"messages": []}, Dropped("without a prompt")),
    ({"messages": [{"role": "user"}]}, Dropped("with content that is not text")),
]


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        (name, row, expected)
        for name, rows in (
            ("hh-rlhf raw", HH_ROWS),
            ("hh_rlhf_cn", CN_ROWS),
            ("TRL conversational", CONVERSATIONAL_ROWS),
            ("TRL standard", STANDARD_ROWS),
            ("two answers", TWO_ANSWER_ROWS),
            ("prompts", PROMPT_ROWS),
        )
        for row, expected in rows
    ],
)
def test_row_is_recognised_and_read(name: str, row: dict[str, Any], expected: Parsed) -> None:
    assert _parse(row) == (name, expected)


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"text": "hello"},
        {"prompt": "Q", "chosen": "only one side"},
        {"chosen": 1, "rejected": 2},
        {"prompt": "Q", "chosen": [_assistant("x")], "rejected": "y"},
        {"context": "Q", "chosen": {"text": "x"}, "rejected": {"text": "y"}},
    ],
)
def test_other_shapes_are_of_an_unknown_format(row: dict[str, Any]) -> None:
    assert _parse(row) == ("unknown", Dropped(""))
