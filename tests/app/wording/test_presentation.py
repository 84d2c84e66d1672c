from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.labels.labelling import Progress
from app.services.running.runs import RunRow, RunView
from app.wording import presentation
from storage.importers import ImportReport

PROGRESS = Progress(by_me=13, by_me_today=4, by_all=31, num_open=27, num_skipped=0, position=14)


def _view(status: str = "running", **changes: Any) -> RunView:
    row = RunRow(
        id=7,
        kind=changes.pop("kind", "dpo"),
        recipe=changes.pop("recipe", "dpo"),
        status=status,
        model="starter",
        started_by="local",
        num_pairs=37,
        accuracy=0.8,
        seconds=134.0,
        error=changes.pop("error", None),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        options={},
    )
    given_fields: dict[str, Any] = {
        "step": 43,
        "num_steps": 100,
        "eta_seconds": 121.0,
        "curves": {},
        "log": "",
        "diagnosis": [],
        "warnings": [],
        "summary": {},
        "adapter_id": None,
        "is_full_model": False,
        "waiting_for": None,
        "can_resume": False,
    }
    return RunView(row=row, **(given_fields | changes))


def test_the_header_names_the_run_with_its_share_and_time_left() -> None:
    assert presentation.run_link(_view()) == "Training run 7 · 43 % · 2 min left"
    assert presentation.run_link(None) == ""


def test_a_waiting_run_says_what_it_waits_for() -> None:
    line = presentation.status_line(_view("queued", waiting_for="Waits for run 6."))
    assert "Waits for run 6" in line


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (59.4, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (7260, "2 h 01 min")],
)
def test_a_duration_is_as_precise_as_a_person_plans(seconds: float | None, words: str) -> None:
    assert presentation.duration(seconds) == words


def test_progress_tells_where_one_is_and_who_has_done_what() -> None:
    line = presentation.label_progress(PROGRESS, has_pair=True)
    assert line == ("**Pair 14** · 26 left · you have labelled 4 today, 13 in all · everyone 31")


def test_an_empty_queue_says_what_to_do_next() -> None:
    done = Progress(by_me=40, by_me_today=40, by_all=40, num_open=0, num_skipped=0, position=41)
    assert "All 40 pairs are labelled" in presentation.nothing_to_label(done)
    none = Progress(by_me=0, by_me_today=0, by_all=0, num_open=0, num_skipped=0, position=1)
    assert "no pair to label yet" in presentation.nothing_to_label(none)
    skipped = Progress(by_me=2, by_me_today=2, by_all=2, num_open=0, num_skipped=3, position=3)
    assert "3 pairs" in presentation.nothing_to_label(skipped)


def test_a_single_turn_is_shown_without_a_role() -> None:
    assert presentation.conversation([{"role": "user", "content": "Hi"}]) == ("", "Hi")


def test_a_long_conversation_is_folded_to_its_last_two_turns() -> None:
    messages = [
        {"role": role, "content": text}
        for role, text in (("user", "one"), ("assistant", "two"), ("user", "three"))
    ]
    earlier, latest = presentation.conversation(messages)
    assert "one" in earlier
    assert "two" not in earlier
    assert "two" in latest
    assert "three" in latest


@given(st.text(alphabet="`a\n"))
def test_no_text_can_end_its_own_code_block(text: str) -> None:
    opening, _, rest = presentation.fenced(text).partition("\n")
    fence = opening.removesuffix("plain")
    assert rest == f"{text}\n{fence}"
    assert fence not in text


def test_names_and_messages_are_shown_letter_for_letter() -> None:
    shown = presentation.escaped("<img src=x> **a** [b](c)\n# d")
    assert "<" not in shown
    assert "**" not in shown
    assert "\n" not in shown


def test_an_import_names_what_was_left_out_and_why() -> None:
    report = ImportReport("hh-rlhf raw", 10, 0, 7, 0, 0, {"equal": [2, 5], "empty": [9]})
    report = replace(report, dropped_counts={"equal": 2, "empty": 1})
    line = presentation.import_summary(report)
    assert "10 rows" in line
    assert "3 dropped" in line
    assert "2 equal" in line
    assert "rows 2, 5" in presentation.dropped_rows(report)


def test_generation_tells_what_was_made_and_left_out() -> None:
    summary = {"pairs": 18, "dropped": {"identical": 1, "empty": 0, "cut_off": 1}}
    ended = _view("finished", kind="generate", recipe="generate", summary=summary)
    line = presentation.generation_line(ended, 12)
    assert line == (
        "18 pairs made in 2 min 14 s, left out: 1 identical, 1 cut off. 12 pairs to label."
    )
