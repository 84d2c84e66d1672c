"""Datasets by plain HTTP: a hub dataset and a folder come in whole, or not at all."""

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict

from tests.conftest import Serve
from tests.http_api import Api, ApiError
from tests.hub_server import WRITER, Hub, files_of
from tests.sample_files import QUESTIONS, hh_rlhf, jsonl
from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow


@pytest.fixture
def server(
    hub: Hub, serve: Serve, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> ServerProcess:
    """A server whose hub is the test's own."""
    for name, value in (("HF_ENDPOINT", hub.url), ("HF_TOKEN", WRITER), ("HF_HUB_OFFLINE", "0")):
        monkeypatch.setenv(name, value)
    return serve(data_folder)


def _refused(api: Api, *arguments: Any) -> str:
    with pytest.raises(ApiError) as refused:
        api.call("import_dataset", *arguments)
    return str(refused.value)


def _counts(api: Api) -> list[int]:
    return [api.call("browse", kind)["num_found"] for kind in ("prompts", "pairs")]


def test_hub_datasets_and_folders_come_in_whole_or_not_at_all(
    server: ServerProcess, hub: Hub, tmp_path: Path
) -> None:
    api = server.api
    files = {"train.jsonl": hh_rlhf(), "test.jsonl": hh_rlhf(("Late?",))}
    hub.dataset("me/private", files, token=WRITER)
    before = _counts(api)

    report = api.call("import_dataset", "me/private")
    assert (report["num_pairs"], report["num_existing"]) == (12, 0)
    assert api.call("import_dataset", "me/private")["num_existing"] == 12
    assert api.call("import_dataset", "me/private", {"split": "test"})["num_pairs"] == 1
    newest = api.call("browse", "pairs")["rows"][0]
    assert "Late?" in str(newest)

    rows = [{"prompt": f"Saved {n}", "chosen": "good", "rejected": "bad"} for n in range(30)]
    saved = DatasetDict(train=Dataset.from_list(rows[:20]), test=Dataset.from_list(rows[20:]))
    saved.save_to_disk(tmp_path / "saved", num_shards={"train": 3, "test": 1})
    folder = str(tmp_path / "saved")
    assert api.call("import_dataset", folder)["num_pairs"] == 20
    only = api.call("import_dataset", folder, {"split": "test", "prompts_only": True})
    assert (only["num_prompts"], only["num_pairs"]) == (10, 0)
    assert _counts(api) == [before[0] + 12 + 1 + 20 + 10, before[1] + 12 + 1 + 20]

    everything = {**files_of(server.data_folder), "log": server.log.encode()}
    assert [name for name, content in everything.items() if WRITER.encode() in content] == []


def test_what_cannot_be_imported_is_said_and_leaves_nothing(
    server: ServerProcess, hub: Hub, tmp_path: Path
) -> None:
    api = server.api
    rows = [
        {"prompt": f"{n} " + "long " * 2000, "chosen": "a", "rejected": "b"} for n in range(900)
    ]
    hub.dataset("me/broken", {"a.jsonl": jsonl(rows), "b.jsonl": jsonl(rows)})
    hub.dataset("me/pairs", {"a.jsonl": hh_rlhf(QUESTIONS)})
    hub.fails_after = 2
    before = _counts(api)
    expected: list[tuple[tuple[Any, ...], str]] = [
        (("me/unknown",), "The hub has no dataset me/unknown"),
        (("me/broken",), "The hub answers with an error (503)"),
        ((str(tmp_path / "none"),), "There is no folder"),
        ((f"{tmp_path}/../etc",), "is no whole path"),
        (("me/pairs", {"split": "late"}), "has no split 'late'. It has train."),
        (("me/pairs", {"split": 5}), "split must be a text or null"),
        (("me/pairs", {"rows": 5}), "An import knows no option rows."),
        (("me/pairs", {"columns": {"a": []}}), "columns must name a column for each"),
    ]
    for arguments, message in expected:
        assert message in _refused(api, *arguments)
    assert _counts(api) == before
    assert "Traceback" not in server.log
