"""Bad input by plain HTTP: one clear sentence, nothing written, no traceback."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.http_api import Api, ApiError
from tests.sample_files import jsonl
from tests.server_process import ServerProcess

TABLES = ("prompts", "completions", "pairs", "preferences", "runs", "adapters")

EQUAL = {"prompt": "Name a fruit.", "chosen": "An apple.", "rejected": "An apple."}
FILES = {
    "no jsonl": (b"\x89PNG\r\n\x1a\n\x00\x00 not text at all \xff\xfe", "no row that can be used"),
    "prose": (b"Dear all,\nthis is a letter.\n", "no row that can be used"),
    "a row without prompt": (jsonl([{"chosen_by": "nobody"}]), "no row that can be used"),
    "chosen equal to rejected": (jsonl([EQUAL]), "1 equal"),
    "an empty file": (b"", "is empty"),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES.keys())
def test_an_unusable_file_is_refused_in_words(
    module_server: ServerProcess, content: bytes, words: str
) -> None:
    api = module_server.api
    before = _rows(module_server.data_folder)

    message = _refusal(api, "import_file", api.upload("given.jsonl", content))

    assert words in message
    assert "given.jsonl" in message
    assert _rows(module_server.data_folder) == before


def test_good_rows_of_a_mixed_file_are_kept_and_the_bad_ones_named(
    module_server: ServerProcess,
) -> None:
    good = {"prompt": "Name a tree.", "chosen": "An oak.", "rejected": "No."}
    api = module_server.api
    report = api.call("import_file", api.upload("mixed.jsonl", jsonl([EQUAL, good]) + b"{oops\n"))
    assert report["num_pairs"] == 1
    assert sorted(row for rows in report["dropped"].values() for row in rows) == [1, 3]


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("start_run", ("dpo", {"model": "nobody/nothing"}), "nobody/nothing"),
        ("start_run", ("dpo", {"preset": "fast"}), "fast"),
        ("start_run", ("dpo", {"training": {"learning_rat": 1}}), "learning_rat"),
        ("start_run", ("dpo", {"training": {"beta": -1, "max_length": 2}}), "max_length is 2"),
        ("start_run", ("ppo", {}), "ppo"),
        ("generate_pairs", (0,), "0 pairs"),
        ("generate_pairs", (5, "starter", {"temperature": 0}), "temperature"),
        ("generate_pairs", (5, "elsewhere"), "elsewhere"),
        ("start_run", ("dpo", {"preset": ["quick"]}), "no preset"),
        ("start_run", ("dpo", {"training": 5}), "must be an object"),
        ("generate_pairs", (), "num_pairs must be a whole number, not None"),
        ("generate_pairs", ("many",), "num_pairs must be a whole number, not 'many'"),
        ("generate_pairs", (3, "starter", "hot"), "options must be an object or null"),
        ("submit_and_next", (1, 7, 3), "submit_id must be a text, not 1. verdict must be"),
        ("heldout_prompts", ("x",), "limit must be a whole number"),
        ("run_status", (4711,), "4711"),
        ("stop_run", (4711,), "4711"),
        ("compare", ("Hello", 4711), "4711"),
        ("vote", ("some-id", 4711, "left"), "4711"),
        ("submit_and_next", ("some-id", 4711, "left"), "4711"),
    ],
)
def test_a_call_that_cannot_work_says_why(
    module_server: ServerProcess, name: str, arguments: tuple, words: str
) -> None:
    before = _rows(module_server.data_folder)
    assert words in _refusal(module_server.api, name, *arguments)
    assert _rows(module_server.data_folder) == before


def test_training_without_pairs_is_refused(server: ServerProcess) -> None:
    message = _refusal(server.api, "start_run", "dpo", {})
    assert "No pair is labelled yet" in message
    assert not list(server.data_folder.glob("runs/*"))


def _refusal(api: Api, name: str, *arguments: object) -> str:
    with pytest.raises(ApiError) as raised:
        api.call(name, *arguments)
    message = str(raised.value.payload["error"])
    assert "Traceback" not in str(raised.value.payload)
    assert "error number" not in message, message
    return message


def _rows(data_folder: Path) -> dict[str, int]:
    with closing(sqlite3.connect(data_folder / "pairtune.db")) as database:
        return {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for table in TABLES
        }
