"""What rows make together, and what several answers or annotators in one row make."""

from dataclasses import replace
from typing import Any

import pytest

from storage.enums import Verdict
from storage.importers.parsed import ImportedPair, ImportedPrompt, Judgement
from storage.importers.understanding import Understood, understand
from tests.storage.importers.turns import ASKED, BAD, EARLIER, GOOD, SYSTEM, pair

RANKED = {
    "prompt": "Q",
    "answers": [{"answer": text, "rank": rank} for rank, text in enumerate("abc", start=1)],
}


def _understood(*rows: dict[str, Any], **options: bool) -> Understood:
    return understand(enumerate(rows, start=1), **options)


def _texts(understood: Understood) -> list[tuple[str, str, float | None]]:
    pairs = [item for item in understood.items if isinstance(item, ImportedPair)]
    return [(item.text_a, item.text_b, item.strength) for item in pairs]


def _label(text: str, label: Any, prompt: str = "Q") -> dict[str, Any]:
    return {"prompt": prompt, "completion": text, "label": label}


def _rating(text: str, helpfulness: Any, prompt: str = "Q") -> dict[str, Any]:
    return {"prompt": prompt, "response": text, "helpfulness": helpfulness, "verbosity": 2}


def test_ranking_gives_its_best_against_its_worst_or_every_pair_with_its_margin() -> None:
    assert _texts(_understood(RANKED)) == [("a", "c", 2)]
    assert _texts(_understood(RANKED, every_pair=True)) == [
        ("a", "b", 1),
        ("a", "c", 2),
        ("b", "c", 1),
    ]


def test_answers_that_nobody_has_judged_pair_up_in_twos() -> None:
    row = {"query": "Q"} | {f"response_{number}": f"answer {number}" for number in range(5)}
    understood = _understood(row)
    assert _texts(understood) == [("answer 0", "answer 1", None), ("answer 2", "answer 3", None)]
    assert understood.report().num_unlabelled == 2


def test_tree_gives_a_pair_for_each_turn_of_the_user() -> None:
    def reply(text: str, rank: int | None, *replies: Any, role: str = "assistant") -> Any:
        return {"text": text, "role": role, "rank": rank, "replies": list(replies)}

    second = reply("Q", None, reply("good", 0), reply("bad", 1), role="prompter")
    root = reply("q1", None, reply("x", 1), reply("a1", 0, second), role="prompter")
    first = ImportedPair(EARLIER[:1], "a1", "x", Verdict.A, strength=1)
    assert _understood({"prompt": root}).items == [first, pair(*EARLIER, strength=1)]


def test_good_and_bad_labels_pair_up_in_turn_and_what_is_left_is_named() -> None:
    understood = _understood(
        _label("bad 1", False),
        _label("good 1", "true"),
        _label("good 2", 1),
        _label("bad 2", 0),
        _label("good 3", True),
        _label("alone", True, prompt="P"),
        _label("x", True, prompt="R"),
        _label("y", True, prompt="R"),
        _label("z", "perhaps"),
        _label("same", True, prompt="S"),
        _label("same", False, prompt="S"),
    )
    assert _texts(understood) == [("good 1", "bad 1", None), ("good 2", "bad 2", None)]
    assert understood.report().dropped == {
        "without an answer of the other label to the same prompt": [5, 7, 8],
        "without another answer to the same prompt": [6],
        "with a rating that is not a number": [9],
        "equal": [10, 11],
    }


def test_conversations_with_a_label_must_end_with_the_assistant() -> None:
    understood = _understood({"messages": ASKED, "label": True}, {"messages": [], "label": True})
    assert understood.dropped == {"that do not end with the assistant": [1, 2]}


@pytest.mark.parametrize("completion", [5, ASKED, "", None])
def test_labelled_answer_must_be_a_text_of_the_assistant(completion: Any) -> None:
    understood = _understood({"prompt": "Q", "completion": completion, "label": True})
    assert understood.report().num_dropped == 1


def test_rated_rows_of_one_prompt_give_best_against_worst_and_name_the_rest() -> None:
    rows = [_rating("so", 2), _rating("bad", 0), _rating("good", 4), _rating("x", "?")]
    understood = _understood(*rows)
    assert _texts(understood) == [("good", "bad", 4)]
    assert understood.dropped == {
        "with a rating that is not a number": [4],
        "rated between the best and the worst of their prompt": [1],
    }
    assert len(_texts(_understood(*rows, every_pair=True))) == 3


def test_equal_ratings_are_a_tie() -> None:
    understood = _understood(_rating("good", 3), _rating("bad", "3"))
    assert understood.items == [pair(verdict="tie", strength=0)]
    assert understood.report().num_ties == 1


def test_annotators_of_one_pair_in_several_rows_come_together() -> None:
    row = {
        "conversation_a": ASKED + GOOD,
        "conversation_b": ASKED + BAD,
        "winner": "model_a",
        "judge": "u1",
    }
    understood = _understood(
        row,
        {**row, "judge": "u2", "winner": "tie"},
        row,
        {**row, "winner": "model_b"},
    )
    judgements = (Judgement(Verdict.A, annotator="u1"), Judgement(Verdict.TIE, annotator="u2"))
    assert understood.items == [pair(annotations=judgements)]
    assert understood.dropped == {"repeated": [3], "repeated with another verdict": [4]}
    assert understood.report().num_verdicts == 2


def test_prompts_alone_are_kept_of_every_kind_of_row() -> None:
    prompt = ImportedPrompt(ASKED)
    understood = _understood(RANKED, _label("x", True), _rating("y", 3), prompts_only=True)
    assert [replace(item, metadata={}) for item in understood.items] == [prompt]
    assert understood.dropped == {"repeated": [2, 3]}


def test_columns_that_a_format_does_not_read_are_kept_and_named() -> None:
    understood = _understood(
        {"prompt": "Q", "chosen": "good", "rejected": "bad", "topic": ["x"], "id": 7},
        {"prompt": "P", "id": 8},
    )
    assert [item.metadata for item in understood.items] == [{"topic": ["x"], "id": 7}, {"id": 8}]
    assert understood.report().metadata_columns == ["topic", "id"]


def test_answers_that_repeat_themselves_are_named_and_kept() -> None:
    prose = " ".join(f"Sentence {number} says a new thing, {number**3}." for number in range(40))
    poem = "\n".join(f"verse {number}\nand the chorus again" for number in range(15))
    rows = [
        {"prompt": "Q", "chosen": prose, "rejected": poem},
        {"prompt": "P", "chosen": prose, "rejected": "好的，好的，" * 80},
        {"prompt": "R", "chosen": "ha" * 100, "rejected": prose},
    ]
    report = _understood(*rows).report()
    assert (report.num_pairs, report.repetitive) == (3, [2])


def _turn(name: Any, parent: Any, prompt: str, chosen: str = "good", **more: Any) -> dict[str, Any]:
    row = {"id": name, "parent_id": parent, "prompt": prompt, "chosen_response": chosen}
    return {**row, "rejected_response": "bad", **more}


def test_rows_that_go_on_from_another_have_its_turns_before_their_prompt() -> None:
    understood = _understood(
        _turn(2, "1.0", "Q", system="other", topic="x"),
        _turn("1", None, "q1", "a1", system="S"),
        _turn(3, 3, "itself"),
        _turn(4, 9, "orphan"),
        _turn(5, 6, "round"),
        _turn(6, 5, "and round"),
        _turn(4, 1, "again"),
    )
    assert understood.items == [
        pair(SYSTEM, *EARLIER, metadata={"id": 2, "topic": "x"}),
        ImportedPair([SYSTEM, *EARLIER[:1]], "a1", "bad", Verdict.A, metadata={"id": "1"}),
    ]
    reason = "that go on from a row that is missing or goes on from itself"
    assert understood.dropped == {
        reason: [3, 4, 5, 6],
        "with an id that another row has": [7],
    }


def test_messages_of_a_tree_in_rows_of_their_own_come_together() -> None:
    def message(name: str, parent: str | None, text: str, rank: int | None = None) -> Any:
        role = "assistant" if name.startswith("a") else "prompter"
        return {"message_id": name, "parent_id": parent, "text": text, "role": role, "rank": rank}

    understood = _understood(
        message("a3", "u2", "bad", 1),
        message("a2", "u2", "good", 0),
        message("u2", "a1", "Q"),
        message("a1", "u1", "a1", 0),
        message("u1", None, "q1"),
        message("a4", "gone", "x", 0),
        message("u5", None, "alone"),
        message("u6", "a4", "below what is missing"),
        message("u7", "a7", "round"),
        message("a7", "u7", "and round"),
        message("a8", "u7", "beside the circle"),
        message("u9", "u9", "itself"),
    )
    assert understood.items == [pair(*EARLIER, strength=1)]
    assert understood.report().dropped == {
        "that go on from a row that is missing or goes on from itself": [6, 8, 9, 10, 11, 12],
        "with fewer than two rated answers": [7],
    }


def test_pairs_come_in_the_order_of_their_prompts_first_rows() -> None:
    prompts = [f"Q{number * 7 % 50}" for number in range(50)]
    rows = [_label(f"good {prompt}", True, prompt) for prompt in prompts]
    rows += [_label(f"bad {prompt}", False, prompt) for prompt in reversed(prompts)]
    expected = [(f"good {prompt}", f"bad {prompt}", None) for prompt in prompts]
    assert _texts(_understood(*rows)) == expected
