"""The blind draw on Compare, by the requests that the page itself makes."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.http_api import Api, PageSession
from tests.sample_files import labelled_pairs
from tests.server_process import ServerProcess
from tests.waiting import wait_for_end

pytestmark = [pytest.mark.starter, pytest.mark.slow]

NUM_CONVERSATIONS = 16  # fair draws are all alike once in 30,000 times
NUM_LONGER = 4  # of three turns; were sides drawn anew, all would stay once in 250 times
FIELDS = {
    "compare-blind": True,
    "compare-prompt": "Name a number.",
    "Longest answer (tokens)": 8,
}
NAMES = ("run 1", "DPO", "SmolLM2", "starter", "Base", "Tuned", "base", "tuned", "adapter")


@pytest.fixture(scope="module")
def project(module_server: ServerProcess) -> tuple[Api, Path]:
    """A server with one adapter that answers otherwise than its base, and its data folder."""
    api = module_server.api
    api.call("import_file", api.upload("pairs.jsonl", labelled_pairs(24)))
    options = {"training": {"learning_rate": 1e-3, "max_steps": 4, "warmup_steps": 0}}
    (run_id,) = api.call("start_run", "dpo", options)["run_ids"]
    trained = wait_for_end(api, run_id)
    assert trained["row"]["status"] == "finished", trained
    return api, module_server.data_folder


@pytest.fixture
def page(project: tuple[Api, Path]) -> PageSession:
    """A page whose Compare tab was opened."""
    opened = PageSession(project[0])
    opened.trigger("tab-compare", "select", {})
    return opened


def _ask(page: PageSession) -> tuple[str, tuple[str, str]]:
    """All that the page receives of one turn, and the two answers."""
    received, shown = page.trigger("compare-send", "click", {**FIELDS, "compare-adapter": 1})
    return received, (_last_text(shown["compare-left"]), _last_text(shown["compare-right"]))


def _last_text(messages: list[dict[str, Any]]) -> str:
    (content,) = messages[-1]["content"]
    return str(content["text"])


def _stored(project: tuple[Api, Path]) -> list[tuple[str, str, str]]:
    """Of every comparison, oldest first: the side shown left, the base's text, the tuned one."""
    query = (
        "SELECT shown_left, a.text, b.text, a.adapter IS NULL, b.adapter IS NULL FROM pairs "
        "JOIN completions a ON a.id = completion_a JOIN completions b ON b.id = completion_b "
        "WHERE pairs.origin = 'comparison' ORDER BY pairs.id"
    )
    with closing(sqlite3.connect(project[1] / "pairtune.db")) as database:
        rows = database.execute(query).fetchall()
    assert {row[3:] for row in rows} == {(1, 0)}
    return [row[:3] for row in rows]


def test_both_orders_come_and_no_name_reaches_the_page_before_the_vote(
    project: tuple[Api, Path], page: PageSession
) -> None:
    orders = set()
    for _ in range(NUM_CONVERSATIONS):
        page.trigger("compare-new", "click", {})
        received, texts = _ask(page)
        assert [name for name in NAMES if name in received] == []
        side, base, tuned = _stored(project)[-1]
        assert texts == ((base, tuned) if side == "a" else (tuned, base))
        orders.add(side)
    assert orders == {"a", "b"}
    revealed, _ = page.trigger("compare-vote-left", "click", {})
    assert "run 1" in revealed


def test_later_turns_of_a_conversation_keep_the_sides(
    project: tuple[Api, Path], page: PageSession
) -> None:
    for _ in range(NUM_LONGER):
        page.trigger("compare-new", "click", {})
        for choice in ("left", "right", "left"):
            _ask(page)
            page.trigger(f"compare-vote-{choice}", "click", {})
        sides = [side for side, *_ in _stored(project)[-3:]]
        assert len(set(sides)) == 1, sides
