"""Published shapes of rows that judge two answers by a code, a scale or a rank: one record each."""

import json
from dataclasses import replace
from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import ImportedPair, Judgement
from tests.storage.importers.turns import ASKED, BAD, GOOD, annotated, pair

A_OR_B = {"prompt": "Q", "response_a": "good", "response_b": "bad"}

JUDGED_SHAPES: list[tuple[str, dict[str, Any], ImportedPair]] = [
    (
        "Argilla",
        {
            **A_OR_B,
            "preference.responses": ["response_a", "response_b", "response_b"],
            "preference.responses.users": ["u1", "u2", "u3"],
            "preference.responses.status": ["submitted", "submitted", "discarded"],
        },
        pair(
            annotations=(
                Judgement(Verdict.A, annotator="u1"),
                Judgement(Verdict.B, annotator="u2"),
            )
        ),
    ),
    (
        "Argilla",
        {
            **A_OR_B,
            "ranking": [
                {"user_id": "u1", "value": [{"value": "a", "rank": 2}, {"value": "b", "rank": 1}]},
                {"user_id": "u2", "value": [{"value": "a", "rank": None}]},
            ],
        },
        annotated("b", "u1"),
    ),
    (
        "Label Studio",
        {
            "data": {"prompt": "Q", "text1": "good", "text2": "bad"},
            "annotations": [
                {
                    "completed_by": 1,
                    "result": [
                        {
                            "from_name": "pw",
                            "to_name": "text1",
                            "type": "pairwise",
                            "value": {"selected": "left"},
                        }
                    ],
                }
            ],
        },
        annotated("a", "annotator 1"),
    ),
    (
        "Potato",
        {"id": "1", "text": "Q", "responses": ["good", "bad"], "preference": {"selection": "A"}},
        pair(),
    ),
    (
        "Potato",
        {"text": "Q", "responses": ["good", "bad"], "preference": "tie"},
        pair(verdict="tie"),
    ),
    (
        "Potato",
        {
            "text": "Q",
            "responses": ["good", "bad"],
            "preference_scale": {"scale_value": "-2"},
        },
        pair(strength=2),
    ),
    ("columns", {"prompt": "Q", "winner": "good", "loser": "bad"}, pair()),
    (
        "HelpSteer",
        {
            "split": "train",
            "prompt": "Q",
            "response_1": "good",
            "response_2": "bad",
            "preference_strength": -2,
            "preference_statement": "1 is better",
            "preference_elaboration": "Clearly.",
        },
        pair(strength=2, rationale="1 is better\n\nClearly."),
    ),
    (
        "HelpSteer",
        {
            "domain": "general",
            "language": "english",
            "context": ASKED,
            "response1": "good",
            "response2": "bad",
            "overall_preference": -2,
            "individual_preference": [
                {"score": -2, "reasoning": "r", "feedback1": "x", "feedback2": "y"},
                {"score": 0, "reasoning": ""},
                {"score": 3, "reasoning": "s"},
            ],
        },
        pair(
            strength=2,
            annotations=(
                Judgement(Verdict.A, 2, "r", "annotator 1"),
                Judgement(Verdict.TIE, 0, None, "annotator 2"),
                Judgement(Verdict.B, 3, "s", "annotator 3"),
            ),
        ),
    ),
    (
        "numbered answers",
        {
            "prompt": "Q",
            "response_0": "good",
            "response_1": "bad",
            "is_response_0_safe": True,
            "is_response_1_safe": False,
            "better_response_id": 0,
            "safer_response_id": 1,
        },
        pair(),
    ),
    (
        "Chatbot Arena",
        {
            "question_id": "x",
            "model_a": "m1",
            "model_b": "m2",
            "winner": "model_b",
            "judge": "u1",
            "conversation_a": ASKED + GOOD,
            "conversation_b": ASKED + BAD,
            "turn": 1,
            "anony": True,
            "language": "English",
            "tstamp": 1.68e9,
        },
        replace(annotated("b", "u1"), model_a="m1", model_b="m2"),
    ),
    (
        "Chatbot Arena",
        {
            "model_a": "m1",
            "model_b": "m2",
            "winner": "tie (bothbad)",
            "conversation_a": json.dumps(ASKED + GOOD),
            "conversation_b": json.dumps(ASKED + BAD),
        },
        pair(verdict="both_bad", model_a="m1", model_b="m2"),
    ),
    (
        "Nectar",
        {
            "prompt": "\n\nHuman: Q\n\nAssistant: ",
            "answers": [
                {"answer": "bad", "model": "llama", "rank": 7},
                {"answer": "good", "model": "gpt-4", "rank": 1},
            ],
            "turns": 1,
            "good_natured": True,
        },
        pair(strength=6, model_a="gpt-4", model_b="llama"),
    ),
    (
        "SHP",
        {
            "post_id": "x",
            "domain": "askhr_train",
            "history": "Q",
            "human_ref_A": "good",
            "human_ref_B": "bad",
            "labels": 0,
            "score_A": 3,
            "score_B": 9,
            "score_ratio": 3.0,
        },
        pair(verdict="b", strength=3),
    ),
    (
        "full-hh-rlhf",
        {
            "prompt": "\n\nHuman: Q\n\nAssistant:",
            "response": " good",
            "chosen": " good",
            "rejected": " bad",
        },
        pair(),
    ),
    (
        "full-hh-rlhf",
        {
            "prompt": {"role": "human", "text": "Q"},
            "chosen": {"role": "assistant", "text": "good"},
            "rejected": {"role": "assistant", "text": "bad"},
        },
        pair(),
    ),
    ("columns", {"instruction": "Q", "chosen_response": "good", "rejected_answer": "bad"}, pair()),
    ("columns", {"prompt": "Q", "chosen_response": "good", "rejected_response": "bad"}, pair()),
    ("columns", {"prompt": "Q", "text": "good", "rejected_text": "bad"}, pair()),
    ("columns", {"input": "Q", "accepted": "good", "rejected": "bad"}, pair()),
    ("columns", {"system": "", "input": "Q", "chosen": "good", "rejected": "bad"}, pair()),
    (
        "numbered answers",
        {"query": "Q", "history": [], "response_0": "good", "response_1": "bad"},
        pair(verdict=None),
    ),
    (
        "two answers",
        {"prompt": "Q", "answer_a": "good", "answer_b": "bad", "winner": "a"},
        pair(),
    ),
    (
        "summaries",
        {
            "info": {"post": "Q"},
            "summaries": [{"text": "good"}, {"text": "bad"}],
            "choice": 0,
            "worker": "w1",
        },
        annotated("a", "w1"),
    ),
    (
        "numbered answers",
        {
            "question": {"full_text": "Q"},
            "answer_0": "good",
            "answer_1": "bad",
            "score_0": 0.5,
            "score_1": -0.5,
        },
        pair(strength=1),
    ),
    ("columns", {"qid": 1, "question": "Q", "response_j": "good", "response_k": "bad"}, pair()),
    (
        "TRL conversational",
        {"chosen": ASKED + GOOD, "rejected": ASKED + BAD, "original_response": "bad"},
        pair(),
    ),
    (
        "OpenAssistant",
        {
            "message_tree_id": "t",
            "prompt": {
                "role": "prompter",
                "text": "Q",
                "replies": [
                    {"role": "assistant", "text": "bad", "rank": 1, "replies": []},
                    {"role": "assistant", "text": "good", "rank": 0, "replies": []},
                ],
            },
        },
        pair(strength=1),
    ),
]
