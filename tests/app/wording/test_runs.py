from datetime import UTC, datetime
from typing import Any

from app.services.running.runs import RunRow, RunView
from app.wording.runs import generation_line, run_link, status_line


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
    assert run_link(_view()) == "Training run 7 · 43 % · 2 min left"
    assert run_link(None) == ""


def test_a_waiting_run_says_what_it_waits_for() -> None:
    line = status_line(_view("queued", waiting_for="Waits for run 6."))
    assert "Waits for run 6" in line


def test_generation_tells_what_was_made_and_left_out() -> None:
    summary = {"pairs": 18, "dropped": {"identical": 1, "empty": 0, "cut_off": 1}}
    ended = _view("finished", kind="generate", recipe="generate", summary=summary)
    line = generation_line(ended, 12)
    assert line == (
        "18 pairs made in 2 min 14 s, left out: 1 identical, 1 cut off. 12 pairs to label."
    )
