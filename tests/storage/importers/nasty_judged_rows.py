"""Rows of formats that judge by a code, a scale or a rank: unusual ones, and unusable ones."""

import json
from typing import Any

from storage.enums import Verdict
from storage.importers.parsed import ImportedPair, Judgement
from tests.storage.importers.turns import ASKED, BAD, EARLIER, GOOD, SYSTEM, annotated, pair

Row = dict[str, Any]
Case = tuple[str, Row, ImportedPair | str]

NOT_TEXT = "with content that is not text"
NO_NUMBER = "with a rating that is not a number"
NO_WINNER = "with an unknown winner"
A_AND_B: Row = {"prompt": "Q", "response_a": "good", "response_b": "bad"}
STUDIO: Row = {"prompt": "Q", "text1": "good", "text2": "bad"}
POTATO: Row = {"text": "Q", "responses": ["good", "bad"]}
STEER_2: Row = {"prompt": "Q", "response_1": "good", "response_2": "bad"}
STEER_3: Row = {"context": ASKED, "response1": "good", "response2": "bad"}
PKU: Row = {"prompt": "Q", "response_0": "good", "response_1": "bad"}
WEBGPT: Row = {"question": "Q", "answer_0": "good", "answer_1": "bad"}
SHP: Row = {"history": "Q", "human_ref_A": "good", "human_ref_B": "bad"}
SUMMARIES: Row = {"info": {"post": "Q"}, "summaries": [{"text": "good"}, {"text": "bad"}]}


def _studio(*annotations: Any, **data: Any) -> Row:
    return {"data": {**STUDIO, **data}, "annotations": list(annotations)}


def _selected(side: Any, by: Any, **more: Any) -> Row:
    return {
        "completed_by": by,
        "result": [{"type": "pairwise", "value": {"selected": side}}],
        **more,
    }


def _arena(winner: Any, a: Any, b: Any, **more: Any) -> Row:
    return {"winner": winner, "conversation_a": a, "conversation_b": b, **more}


def _nectar(*answers: tuple[Any, Any], prompt: Any = "Q") -> Row:
    return {"prompt": prompt, "answers": [{"answer": text, "rank": rank} for text, rank in answers]}


def _reply(text: Any, rank: Any = None, *replies: Row, role: str = "assistant", **more: Any) -> Row:
    return {"role": role, "text": text, "rank": rank, "replies": list(replies), **more}


JUDGED_ROWS: list[Case] = [
    ("Argilla", {**A_AND_B, "preference.responses": []}, pair(verdict=None)),
    ("Argilla", {**A_AND_B, "preference.responses": ["neither"]}, pair(verdict=None)),
    (
        "Argilla",
        {**A_AND_B, "preference.responses": ["tie"], "preference.responses.users": None},
        annotated("tie", "annotator 1"),
    ),
    (
        "Argilla",
        {
            **A_AND_B,
            "ranking": [{"value": "response_a", "rank": 1}, {"value": "response_b", "rank": 1}],
        },
        annotated("tie", "annotator 1"),
    ),
    ("Argilla", {**A_AND_B, "response_b": "good", "preference.responses": ["response_a"]}, "equal"),
    ("Label Studio", _studio(), pair(verdict=None)),
    ("Label Studio", {"data": STUDIO}, pair(verdict=None)),
    (
        "Label Studio",
        _studio(
            _selected("right", {"id": 4, "email": "b@c"}),
            _selected("right", 2),
            _selected("left", 3, was_cancelled=True),
        ),
        annotated("b", "b@c", "annotator 2"),
    ),
    ("Label Studio", _studio(_selected(None, 1), "junk", {"result": None}), pair(verdict=None)),
    ("Label Studio", {"data": {"text1": "x", "text2": "y"}}, "without a prompt"),
    ("Label Studio", _studio(text2=None), NOT_TEXT),
    ("Potato", POTATO, pair(verdict=None)),
    (
        "Potato",
        {**POTATO, "label_annotations": {"preference": {"selection": "B"}}},
        pair(verdict="b"),
    ),
    ("Potato", {**POTATO, "preference_scale": {"scale_value": 0}}, pair(verdict="tie", strength=0)),
    ("Potato", {**POTATO, "preference": {"selection": "C"}}, NO_WINNER),
    ("Potato", {"id": "1", "responses": ["good", "bad"]}, "without a prompt"),
    ("HelpSteer", {**STEER_2, "preference_strength": 0}, pair(verdict="tie", strength=0)),
    ("HelpSteer", {**STEER_2, "preference_strength": "3"}, pair(verdict="b", strength=3)),
    ("HelpSteer", {**STEER_2, "preference_strength": None}, NO_NUMBER),
    (
        "HelpSteer",
        {
            **STEER_2,
            "prompt": "q1\n<extra_id_1>Assistant\na1\n<extra_id_1>User\nQ",
            "preference_strength": 1,
        },
        pair(*EARLIER, verdict="b", strength=1),
    ),
    (
        "HelpSteer",
        {**STEER_2, "prompt": "q\n<extra_id_1>Assistant\na", "preference_strength": 1},
        "that do not end with the user",
    ),
    (
        "HelpSteer",
        {**STEER_3, "overall_preference": 0, "individual_preference": None},
        pair(verdict="tie", strength=0),
    ),
    (
        "HelpSteer",
        {**STEER_3, "overall_preference": 1, "individual_preference": ["x", {"score": "x"}]},
        pair(verdict="b", strength=1),
    ),
    ("HelpSteer", {**STEER_3, "overall_preference": "much"}, NO_NUMBER),
    ("HelpSteer", {**STEER_3, "response2": 4, "overall_preference": 1}, NOT_TEXT),
    ("numbered answers", {**PKU, "better_response_id": "1"}, pair(verdict="b")),
    ("numbered answers", {**PKU, "better_response_id": None}, pair(verdict=None)),
    ("numbered answers", {**PKU, "better_response_id": 2}, NO_WINNER),
    ("numbered answers", {**PKU, "better_response_id": 0.5}, NO_WINNER),
    ("numbered answers", {**WEBGPT, "score_0": 0, "score_1": 0}, pair(verdict="tie", strength=0)),
    ("numbered answers", {**WEBGPT, "score_0": 0, "score_1": "x"}, NO_NUMBER),
    ("numbered answers", {**WEBGPT, "question": {"full_text": None}}, NOT_TEXT),
    ("numbered answers", {**WEBGPT, "answer_1": ""}, "with an empty side"),
    (
        "numbered answers",
        {**PKU, "query": "Q", "history": [["q1", "a1"]]},
        pair(*EARLIER, verdict=None),
    ),
    ("numbered answers", {**PKU, "query": "Q", "response_1": 0}, NOT_TEXT),
    (
        "Chatbot Arena",
        _arena("tie", [*EARLIER, *ASKED, *GOOD], [*EARLIER, *ASKED, *BAD]),
        pair(*EARLIER, verdict="tie"),
    ),
    (
        "Chatbot Arena",
        _arena("model_a", [*ASKED, *GOOD, *EARLIER], [*ASKED, *BAD, *EARLIER], turn=1),
        pair(),
    ),
    (
        "Chatbot Arena",
        _arena("model_a", [SYSTEM, *ASKED, *GOOD, *EARLIER], [SYSTEM, *ASKED, *BAD], turn="1"),
        pair(SYSTEM),
    ),
    (
        "Chatbot Arena",
        _arena("model_a", [*ASKED, *GOOD, *EARLIER], [*ASKED, *BAD, *EARLIER], turn=2),
        "with answers of several turns",
    ),
    ("Chatbot Arena", _arena("model_a", EARLIER, ASKED + BAD), "without a common prompt"),
    ("Chatbot Arena", _arena("both", ASKED + GOOD, ASKED + BAD), NO_WINNER),
    ("Chatbot Arena", _arena(None, ASKED + GOOD, ASKED + BAD), NO_WINNER),
    ("Chatbot Arena", _arena("model_a", "[not JSON", json.dumps(ASKED + BAD)), NOT_TEXT),
    ("Nectar", _nectar(("bad", 3), ("good", 1.5)), pair(strength=1.5)),
    ("Nectar", _nectar(("good", 1), ("bad", 1)), pair(verdict="tie", strength=0)),
    ("Nectar", _nectar(("good", 1), ("bad", None)), "with fewer than two rated answers"),
    ("Nectar", _nectar(("good", 1), (None, 2)), NOT_TEXT),
    ("Nectar", _nectar(("good", 1), ("good", 2)), "equal"),
    ("Nectar", _nectar(("good", 1), ("bad", 2), prompt=3), NOT_TEXT),
    ("SHP", {**SHP, "labels": "1"}, pair()),
    ("SHP", {**SHP, "labels": True}, NO_WINNER),
    ("SHP", {**SHP, "labels": 2}, NO_WINNER),
    ("SHP", {**SHP, "history": "", "labels": 1}, "with an empty turn"),
    ("summaries", {**SUMMARIES, "choice": 1}, pair(verdict="b")),
    ("summaries", SUMMARIES, pair(verdict=None)),
    ("summaries", {**SUMMARIES, "choice": -1}, NO_WINNER),
    ("summaries", {**SUMMARIES, "info": {}}, "without a prompt"),
    (
        "OpenAssistant",
        {
            "prompt": _reply(
                "q1",
                None,
                _reply(
                    "a1",
                    0,
                    _reply(
                        "Q",
                        None,
                        _reply("gone", 0, deleted=True),
                        _reply("bad", 2),
                        _reply("good", 1),
                        role="prompter",
                    ),
                ),
                role="prompter",
            )
        },
        pair(*EARLIER, strength=1),
    ),
    (
        "OpenAssistant",
        {"prompt": _reply("Q", None, _reply("a", 0), role="prompter")},
        "with fewer than two rated answers",
    ),
    ("OpenAssistant", {"prompt": _reply(5, None, _reply("a", 0), _reply("b", 1))}, NOT_TEXT),
    (
        "two answers",
        {
            "prompt": "Q",
            "answer_a": "good",
            "answer_b": "bad",
            "winner": "b",
            "annotator": "u1",
            "rationale": "why",
        },
        pair(verdict="b", rationale="why", annotations=(Judgement(Verdict.B, None, "why", "u1"),)),
    ),
]
