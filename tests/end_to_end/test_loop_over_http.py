"""The whole loop by plain HTTP: import, generate, label, train, compare, vote, export."""

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.http_api import Api, compare_until_different
from tests.sample_files import hh_rlhf
from tests.server_process import ServerProcess
from tests.waiting import wait_for_end

pytestmark = [pytest.mark.starter, pytest.mark.slow]


def test_a_script_goes_through_the_whole_loop(server: ServerProcess) -> None:
    api = server.api
    report = api.call("import_file", api.upload("twelve.jsonl", hh_rlhf()), True)
    assert (report["num_prompts"], report["num_pairs"]) == (12, 0)

    generation = api.call("generate_pairs", 12, "starter", {"max_new_tokens": 96})
    generated = wait_for_end(api, generation["run_id"])
    assert generated["row"]["status"] == "finished", generated
    num_pairs = generated["summary"]["pairs"]
    assert num_pairs >= 4

    verdicts = _label_all(api)
    assert len(verdicts) == num_pairs

    run_ids = api.call("start_run", "dpo", {"training": {"num_train_epochs": 1}})["run_ids"]
    trained = wait_for_end(api, run_ids[0])
    assert trained["row"]["status"] == "finished", trained
    assert trained["adapter_id"] is not None
    assert trained["curves"]["loss"][0][1] == pytest.approx(0.6931, abs=0.01)

    export = api.call("export_model", run_ids[0], "merged", "bfloat16")
    merged = wait_for_end(api, export["run_id"])
    assert merged["row"]["status"] == "finished", merged
    model = server.data_folder / "runs" / f"{export['run_id']:04d}-export" / "model"
    assert (model / "model.safetensors").stat().st_size == pytest.approx(269e6, rel=0.01)
    (next_id,) = api.call("start_run", "dpo", {"model": str(model), "training": {"max_steps": 1}})[
        "run_ids"
    ]
    assert wait_for_end(api, next_id)["row"]["status"] == "finished"

    answers = compare_until_different(api, "Name a river.", trained["adapter_id"])
    assert answers["left_text"]
    assert answers["right_text"]
    vote = api.call("vote", uuid.uuid4().hex, answers["pair_id"], "right")
    assert vote["win_rate"]["num_tuned"] == 1

    exported = api.call("export")
    decisive = [choice for choice in verdicts if choice in ("left", "right")]
    assert len(exported) == len(decisive) + 1
    _sides_are_recorded(server.data_folder)


def _label_all(api: Api) -> list[str]:
    """Choose the shorter answer of every pair; every fifth verdict is a tie."""
    verdicts = []
    screen = api.call("submit_and_next", "", None, "")
    while (pair := screen["current"]) is not None:
        choice = "left" if len(pair["left"]) < len(pair["right"]) else "right"
        if len(verdicts) % 5 == 4:
            choice = "tie"
        verdicts.append(choice)
        screen = api.call("submit_and_next", uuid.uuid4().hex, pair["pair_id"], choice)
    return verdicts


def _sides_are_recorded(data_folder: Path) -> None:
    rows: list[Any]
    with closing(sqlite3.connect(data_folder / "pairtune.db")) as database:
        rows = database.execute('SELECT DISTINCT "left" FROM preferences').fetchall()
    assert {row[0] for row in rows} <= {"a", "b"}
