"""Published shapes of rows that say which answer is chosen: one record each."""

from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import ImportedPair
from tests.storage.importers.turns import ASKED, BAD, EARLIER, GOOD, SYSTEM, pair

PLAIN_SHAPES: list[tuple[str, dict[str, Any], ImportedPair]] = [
    (
        "hh-rlhf raw",
        {
            "chosen": "\n\nHuman: Q\n\nAssistant: good",
            "rejected": "\n\nHuman: Q\n\nAssistant: bad",
        },
        pair(),
    ),
    (
        "hh_rlhf_cn",
        {
            "context": [{"role": "human", "text": "Q"}],
            "chosen": {"role": "assistant", "text": "good"},
            "rejected": {"role": "assistant", "text": "bad"},
        },
        pair(),
    ),
    ("TRL standard", {"prompt": "Q", "chosen": "good", "rejected": "bad"}, pair()),
    (
        "TRL standard",
        {"chosen": "Q good", "rejected": "Q bad"},
        ImportedPair(ASKED, " good", " bad", Verdict.A),
    ),
    (
        "TRL conversational",
        {"prompt": ASKED, "chosen": GOOD, "rejected": BAD, "tools": [], "images": []},
        pair(),
    ),
    ("TRL conversational", {"chosen": ASKED + GOOD, "rejected": ASKED + BAD}, pair()),
    (
        "UltraFeedback",
        {
            "prompt": "Q",
            "prompt_id": "ab12",
            "chosen": ASKED + GOOD,
            "rejected": ASKED + BAD,
            "messages": ASKED + GOOD,
            "score_chosen": 8.5,
            "score_rejected": 4.0,
        },
        pair(strength=4.5),
    ),
    (
        "UltraFeedback",
        {
            "instruction": "Q",
            "models": ["m1", "m2", "m3"],
            "completions": [
                {"model": "m1", "response": "bad", "overall_score": 3.0},
                {"model": "m2", "response": "good", "overall_score": 8.5},
                {"model": "m3", "response": "so", "overall_score": 5},
            ],
        },
        pair(strength=5.5, model_a="m2", model_b="m1"),
    ),
    (
        "alpaca ranking",
        {
            "instruction": "Q",
            "input": "",
            "chosen": "good",
            "rejected": "bad",
            "system": "S",
            "history": [["q1", "a1"]],
        },
        pair(SYSTEM, *EARLIER),
    ),
    ("alpaca ranking", {"instruction": "Q", "input": "", "output": ["good", "bad"]}, pair()),
    (
        "ShareGPT ranking",
        {
            "conversations": [{"from": "human", "value": "Q"}],
            "chosen": {"from": "gpt", "value": "good"},
            "rejected": {"from": "gpt", "value": "bad"},
        },
        pair(),
    ),
    (
        "ShareGPT ranking",
        {"messages": ASKED, "chosen": GOOD[0], "rejected": BAD[0]},
        pair(),
    ),
    ("ms-swift", {"messages": ASKED + GOOD, "rejected_response": "bad"}, pair()),
    (
        "ms-swift",
        {
            "system": "S",
            "query": "Q",
            "response": "good",
            "rejected_response": "bad",
            "history": [["q1", "a1"]],
        },
        pair(SYSTEM, *EARLIER),
    ),
    (
        "OpenAI preference",
        {
            "input": {"messages": ASKED, "tools": [], "parallel_tool_calls": True},
            "preferred_output": GOOD,
            "non_preferred_output": BAD,
        },
        pair(),
    ),
    (
        "columns",
        {"system": "S", "question": "Q", "chosen": "good", "rejected": "bad"},
        pair(SYSTEM),
    ),
    (
        "distilabel",
        {
            "system": "",
            "input": "Q",
            "chosen": "good",
            "rejected": "bad",
            "generations": ["good", "bad"],
            "order": ["chosen", "rejected"],
            "rating": [9.0, 4.0],
            "rationale": "better",
            "status": "unchanged",
            "chosen_score": 9.0,
            "in_gsm8k_train": False,
        },
        pair(strength=5, rationale="better"),
    ),
    (
        "distilabel",
        {
            "instruction": "Q",
            "generations": ["good", "bad"],
            "generation_models": ["m1", "m2"],
            "ratings": [5, 2],
            "prompt": "Q",
            "prompt_id": "x",
            "chosen": ASKED + GOOD,
            "chosen_rating": 5,
            "chosen_model": "m1",
            "rejected": ASKED + BAD,
            "rejected_rating": 2,
            "rejected_model": "m2",
        },
        pair(strength=3, model_a="m1", model_b="m2"),
    ),
    (
        "distilabel",
        {
            "source": "s",
            "prompt": "Q",
            "chosen": ASKED + GOOD,
            "chosen-rating": 4.5,
            "chosen-model": "m1",
            "rejected": ASKED + BAD,
            "rejected-rating": 4.5,
            "rejected-model": "m2",
        },
        pair(verdict="tie", strength=0, model_a="m1", model_b="m2"),
    ),
    (
        "columns",
        {"system": "", "instruction": "Q", "chosen_response": "good", "rejected_response": "bad"},
        pair(),
    ),
]
