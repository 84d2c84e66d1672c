"""Rows of formats that name the chosen answer: ordinary, unusual, and such as cannot be used."""

from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import ImportedPair
from tests.storage.importers.turns import ASKED, BAD, EARLIER, GOOD, SYSTEM, pair

Row = dict[str, Any]
Case = tuple[str, Row, ImportedPair | str]

SIDES: Row = {"chosen": "good", "rejected": "bad"}
TURNS: Row = {"chosen": GOOD[0], "rejected": BAD[0]}
NOT_TEXT = "with content that is not text"
DIALOGUE = "\n\nHuman: q1\n\nAssistant: a1\n\nHuman: Q\n\nAssistant:"
SCORES: Row = {"score_chosen": 5.0, "score_rejected": 5.0}


def _lists(*before: Any, chosen: Any = GOOD, rejected: Any = BAD) -> Row:
    start = [*before, *ASKED]
    return {"chosen": start + chosen, "rejected": start + rejected}


def _completions(*answers: tuple[str, Any]) -> Row:
    items = [{"response": text, "overall_score": score} for text, score in answers]
    return {"instruction": "Q", "completions": items}


def _ratings(text: str, *ratings: str) -> Row:
    aspects = {f"aspect {index}": {"Rating": rating} for index, rating in enumerate(ratings)}
    return {"response": text, "annotations": aspects}


PLAIN_ROWS: list[Case] = [
    ("full-hh-rlhf", {"prompt": DIALOGUE, **SIDES}, pair(*EARLIER)),
    ("full-hh-rlhf", {"prompt": DIALOGUE + " ", "chosen": "x", "rejected": " x"}, "equal"),
    ("full-hh-rlhf", {"prompt": "Human: Q", **SIDES}, pair()),
    ("full-hh-rlhf", {"prompt": {"role": "human", "text": 1}, **TURNS}, NOT_TEXT),
    ("full-hh-rlhf", {"prompt": {"role": "human", "text": "Q"}, **TURNS}, pair()),
    (
        "UltraFeedback",
        {"prompt": "other", **_lists(*EARLIER), **SCORES},
        pair(*EARLIER, verdict="tie", strength=0),
    ),
    ("UltraFeedback", {"prompt": "Q", **_lists(rejected=GOOD), **SCORES}, "equal"),
    (
        "UltraFeedback",
        {"prompt": "Q", **_lists(), "score_chosen": None, "score_rejected": 1},
        pair(),
    ),
    ("UltraFeedback", _completions(("good", 5), ("so", None), ("bad", "4.5")), pair(strength=0.5)),
    (
        "UltraFeedback",
        _completions(("good", 5), ("bad", 5), ("bad", 5)),
        pair(verdict="tie", strength=0),
    ),
    (
        "UltraFeedback",
        _completions(("good", 5), ("bad", None)),
        "with fewer than two rated answers",
    ),
    ("UltraFeedback", _completions(("good", 5), (7, 3)), NOT_TEXT),  # type: ignore[arg-type]
    ("UltraFeedback", {"instruction": "Q", "completions": []}, "with fewer than two rated answers"),
    (
        "UltraFeedback",
        {
            "instruction": "Q",
            "completions": [_ratings("bad", "1", "N/A"), _ratings("good", "5", "4")],
        },
        pair(strength=3.5),
    ),
    (
        "distilabel",
        {"input": "Q", **SIDES, "status": "tie", "chosen_score": 9},
        pair(verdict="tie"),
    ),
    (
        "distilabel",
        {"instruction": "Q", **_lists(), "chosen_rating": None, "generations": []},
        pair(),
    ),
    (
        "distilabel",
        {"system": "S", "input": "Q", **SIDES, "rating": "[5, 5]", "generations": "[]"},
        pair(SYSTEM, verdict="tie", strength=0),
    ),
    (
        "distilabel",
        {"prompt": "Q", "chosen": [], "rejected": [], "chosen-rating": 5},
        "with an empty side",
    ),
    ("TRL conversational", {"prompt": "Q", "chosen": GOOD, "rejected": BAD}, pair()),
    ("TRL conversational", {"prompt": "x", **_lists(SYSTEM, *EARLIER)}, pair(SYSTEM, *EARLIER)),
    ("TRL conversational", {"prompt": ASKED, **_lists()}, pair()),
    (
        "TRL conversational",
        {
            "prompt": "Q",
            "chosen": ASKED + GOOD,
            "rejected": [{"role": "user", "content": "P"}, *BAD],
        },
        "without a common prompt",
    ),
    (
        "TRL conversational",
        {
            "chosen": [{"role": "user", "content": [{"type": "text", "text": "Q"}]}, *GOOD],
            "rejected": [{"role": "user", "content": [{"type": "text", "text": "Q"}]}, *BAD],
        },
        pair(),
    ),
    (
        "alpaca ranking",
        {"instruction": "1", "input": "2\n", **SIDES},
        ImportedPair([{"role": "user", "content": "1\n2\n"}], "good", "bad", Verdict.A),
    ),
    ("alpaca ranking", {"instruction": "", "input": "Q", **SIDES, "history": None}, pair()),
    ("alpaca ranking", {"instruction": "Q", "input": 5, **SIDES}, NOT_TEXT),
    ("alpaca ranking", {"instruction": "Q", **SIDES, "history": [["q1"]]}, NOT_TEXT),
    ("alpaca ranking", {"instruction": "Q", **SIDES, "history": '[["q1", "a1"]]'}, pair(*EARLIER)),
    ("alpaca ranking", {"instruction": "Q", "output": ["x", "x"]}, "equal"),
    (
        "ShareGPT ranking",
        {
            "conversations": [
                {"from": "human", "value": "q1"},
                {"from": "gpt", "value": "a1"},
                {"from": "human", "value": "Q"},
            ],
            "system": "S",
            **TURNS,
        },
        pair(SYSTEM, *EARLIER),
    ),
    ("ShareGPT ranking", {"messages": [SYSTEM, *ASKED], "system": "other", **SIDES}, pair(SYSTEM)),
    ("ShareGPT ranking", {"conversations": ASKED + GOOD, **TURNS}, "that do not end with the user"),
    ("ShareGPT ranking", {"conversations": [], **TURNS}, "without a prompt"),
    (
        "ShareGPT ranking",
        {"conversations": ASKED, "chosen": ASKED[0], "rejected": BAD[0]},
        NOT_TEXT,
    ),
    (
        "ShareGPT ranking",
        {"conversations": [{"from": "observation", "value": "Q"}], **TURNS},
        "with a role that is not system, user or assistant",
    ),
    (
        "ms-swift",
        {"messages": [SYSTEM, *EARLIER, *ASKED, *GOOD], "rejected_response": "bad"},
        pair(SYSTEM, *EARLIER),
    ),
    (
        "ms-swift",
        {"messages": ASKED, "rejected_response": "bad"},
        "that do not end with the assistant",
    ),
    ("ms-swift", {"messages": ASKED + GOOD, "rejected_response": None}, NOT_TEXT),
    (
        "ms-swift",
        {"messages": [], "rejected_response": "bad"},
        "that do not end with the assistant",
    ),
    ("ms-swift", {"query": "Q", "response": "x", "rejected_response": "x", "history": []}, "equal"),
    (
        "OpenAI preference",
        {
            "input": {"messages": [SYSTEM, *ASKED]},
            "preferred_output": GOOD,
            "non_preferred_output": BAD,
        },
        pair(SYSTEM),
    ),
    (
        "OpenAI preference",
        {"input": {"messages": []}, "preferred_output": GOOD, "non_preferred_output": BAD},
        "without a prompt",
    ),
    (
        "OpenAI preference",
        {"input": {"messages": ASKED}, "preferred_output": GOOD, "non_preferred_output": []},
        "with an empty side",
    ),
    (
        "OpenAI preference",
        {
            "input": {"messages": ASKED},
            "preferred_output": [{"role": "assistant", "content": None, "tool_calls": []}],
            "non_preferred_output": BAD,
        },
        NOT_TEXT,
    ),
    ("columns", {"question": "Q", **SIDES, "history": [["q1", "a1"]]}, pair(*EARLIER)),
    (
        "columns",
        {"prompt": "Q", "chosen_response": "good", "rejected": "bad", "parent_id": ""},
        pair(),
    ),
    (
        "columns",
        {"id": 1, "parent_id": 7, "prompt": "Q", "chosen_response": "x", "rejected_answer": "y"},
        "that go on from a row that is missing or goes on from itself",
    ),
    ("columns", {"question": "Q", "response_j": "x", "response_k": "\t"}, "with an empty side"),
    (
        "columns",
        {"input": "Q", "accepted": "[1]", "rejected": "{"},
        ImportedPair(ASKED, "[1]", "{", Verdict.A),
    ),
]
