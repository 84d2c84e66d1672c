"""Hub datasets, from a real HTTP server: what is read, and what each refusal becomes."""

import gzip
import io
import json
import os
import socket
import subprocess
import sys
import time
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from storage.importers.sources.hub_datasets import _BLOCK_BYTES
from tests.hub_server import COMMIT, Hub
from tests.sample_files import hh_rlhf, jsonl
from tests.server_process import PROJECT

TOKEN = "hf_" + "r" * 34
READ = """
import json, sys
from storage.errors import InputError
from storage.importers.importing import ImportOptions, Reading
from storage.importers.sources.dataset_parts import Part
from storage.importers.sources.hub_datasets import hub_dataset
def read(place, *part):
    try:
        dataset = hub_dataset(place)
        reading = Reading(dataset.name, dataset.files_of(Part(*part)), ImportOptions("x"))
        shares = [step.share for step in reading.steps()]
        return {"shares": shares, **reading.report().as_json()}
    except InputError as error:
        return str(error)
print(json.dumps([read(*case) for case in json.load(sys.stdin)]))
"""


def _read(url: str, *cases: list[str | None], token: str = "") -> list[Any]:
    """What a process of its own reads or is told: the hub's address is read at its start."""
    ended = subprocess.run(
        [sys.executable, "-c", READ],
        cwd=PROJECT,
        env={**os.environ, "HF_ENDPOINT": url, "HF_TOKEN": token, "HF_HUB_OFFLINE": "0"},
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert TOKEN not in ended.stdout + ended.stderr
    found: list[Any] = json.loads(ended.stdout)
    return found


def _rows(num_rows: int, first: int = 0, length: int = 3) -> list[dict[str, object]]:
    return [
        {"prompt": f"Q{n}", "chosen": f"good {n}" * length, "rejected": "bad"}
        for n in range(first, first + num_rows)
    ]


def _parquet(rows: list[dict[str, object]]) -> bytes:
    content = io.BytesIO()
    table = pyarrow.Table.from_pylist(rows)
    parquet.write_table(table, content, compression="none", row_group_size=2000)
    return content.getvalue()


def test_every_kind_of_file_is_read(hub: Hub) -> None:
    rows = _rows(5)
    arrow = io.BytesIO()
    table = pyarrow.Table.from_pylist(rows)
    with pyarrow.ipc.new_stream(arrow, table.schema) as stream:
        stream.write_table(table)
    lines = ["prompt,chosen,rejected", *(",".join(map(str, row.values())) for row in rows)]
    files = {
        "rows.jsonl": jsonl(rows),
        "rows.json": json.dumps(rows).encode(),
        "rows.jsonl.gz": gzip.compress(jsonl(rows)),
        "rows.csv": "\n".join(lines).encode(),
        "rows.parquet": _parquet(rows),
        "rows.arrow": arrow.getvalue(),
    }
    for number, (name, content) in enumerate(files.items()):
        hub.dataset(f"me/{number}", {name: content})
    reports = _read(hub.url, *[[f"me/{number}"] for number in range(len(files))])
    assert [report["num_pairs"] for report in reports] == [5] * len(files)
    assert {report["shares"][-1] for report in reports} == {1.0}


def test_files_longer_than_a_block_are_read_block_by_block_at_one_commit(hub: Hub) -> None:
    first, second = _rows(3000, length=250), _rows(3000, first=3000, length=250)
    shards = {
        "data/train-00000-of-00002.parquet": _parquet(first),
        "data/train-00001-of-00002.parquet": _parquet(second),
    }
    hub.dataset("me/parquet", shards)
    hub.dataset("me/lines", {"a.jsonl": jsonl(first), "b.jsonl": jsonl(second)})
    assert min(map(len, shards.values())) > _BLOCK_BYTES
    for report in _read(hub.url, ["me/parquet"], ["me/lines"]):
        assert (report["num_rows"], report["num_pairs"]) == (6000, 6000)
        assert report["shares"] == sorted(report["shares"])
    asked = hub.file_requests
    assert len(asked) > 8
    assert all(f"/resolve/{COMMIT}/" in path and asked_range for _, path, asked_range in asked)


def test_row_numbers_go_on_over_the_files_of_a_split(hub: Hub) -> None:
    hub.dataset("me/x", {"a.jsonl": jsonl(_rows(3)), "b.jsonl": b"no\n" + jsonl(_rows(1, 9))})
    [report] = _read(hub.url, ["me/x"])
    assert report["dropped"] == {"that are not JSON": [4]}
    assert report["num_pairs"] == 4


def test_subset_and_split_are_chosen_by_the_card(hub: Hub) -> None:
    card = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: main/*.jsonl
- config_name: short
  data_files:
  - split: train
    path: short/a.jsonl
  - split: late
    path: short/b.jsonl
---
# A card
"""
    files = {
        "README.md": card.encode(),
        "main/rows.jsonl": jsonl(_rows(4)),
        "short/a.jsonl": jsonl(_rows(1)),
        "short/b.jsonl": jsonl(_rows(2)),
    }
    hub.dataset("me/x", files)
    found = _read(
        hub.url, ["me/x"], ["me/x", "short"], ["me/x", "short", "late"], ["me/x", "short", "dev"]
    )
    assert [report["num_pairs"] for report in found[:3]] == [4, 1, 2]
    assert found[3] == "me/x has no split 'dev'. It has train, late."


def test_revision_and_the_address_of_a_page_are_understood(hub: Hub) -> None:
    repo = hub.dataset("me/x", {"a.jsonl": hh_rlhf()})
    repo.revisions.add("refs/convert/parquet")
    places = [
        "me/x@refs/convert/parquet",
        f"{hub.url}/datasets/me/x/viewer/default/train",
        "datasets/me/x",
        "hf://datasets/me/x@main/a.jsonl",
    ]
    reports = _read(hub.url, *[[place] for place in places])
    assert [report["num_pairs"] for report in reports] == [12] * 4
    paths = [path for _, path, _ in hub.requests]
    assert "/api/datasets/me/x/revision/refs%2Fconvert%2Fparquet?blobs=true" in paths


def test_what_cannot_be_read_is_told_in_a_sentence(hub: Hub) -> None:
    hub.dataset("me/gated", {"a.jsonl": b""}, token=TOKEN, is_gated=True)
    hub.dataset("me/private", {"a.jsonl": b""}, token=TOKEN)
    hub.dataset("me/script", {"script.py": b"raise SystemExit", "a.jsonl": hh_rlhf()})
    hub.dataset("me/pictures", {"README.md": b"# Pictures", "a.png": b""})
    hub.dataset("me/empty", {"a.jsonl": b""})
    hub.dataset("me/x", {"a.jsonl": hh_rlhf()})
    expected = {
        "me/gated": "me/gated is gated: its owner gives access. Ask for it on the hub, and start",
        "me/private": "The hub has no dataset me/private, or a private one.",
        "me/unknown": "The hub has no dataset me/unknown, or a private one.",
        "me/x@v2": "me/x has no revision 'v2'.",
        "me/script": "me/script is read by a program of its own, and PairTune runs no code of",
        "me/pictures": "me/pictures holds no file of rows that PairTune reads",
        "me/empty": "me/empty is empty, so there is nothing to import.",
        "a/b/c": "'a/b/c' is no name of a hub dataset.",
        "two words": "'two words' is no name of a hub dataset.",
    }
    told = _read(hub.url, *[[place] for place in expected])
    for start, message in zip(expected.values(), told, strict=True):
        assert message.startswith(start)
    assert "script.py" not in str(hub.file_requests)


def test_token_opens_what_is_gated_or_private(hub: Hub) -> None:
    hub.dataset("me/gated", {"a.jsonl": hh_rlhf()}, token=TOKEN, is_gated=True)
    hub.dataset("me/private", {"a.jsonl": hh_rlhf()}, token=TOKEN)
    reports = _read(hub.url, ["me/gated"], ["me/private"], token=TOKEN)
    assert [report["num_pairs"] for report in reports] == [12, 12]
    [refused] = _read(hub.url, ["me/private"], token="hf_wrong")
    assert "refuses to let me/private be read with this HF_TOKEN" in refused


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.parquet"])
def test_hub_that_fails_in_the_middle_is_told(hub: Hub, name: str) -> None:
    rows = [{**row, "noise": os.urandom(2000).hex()} for row in _rows(4000)]
    lines = jsonl(rows)
    content = {"jsonl": lines, "gz": gzip.compress(lines), "parquet": _parquet(rows)}
    hub.dataset("me/x", {name: content[name.rsplit(".", 1)[-1]]})
    hub.fails_after = 2
    [told] = _read(hub.url, ["me/x"])
    assert told.startswith("The hub answers with an error (503) about me/x.")


def _timed_read(url: str) -> tuple[list[Any], float]:
    started = time.monotonic()
    return _read(url, ["me/x"]), time.monotonic() - started


def test_hub_out_of_reach_is_told_in_under_ten_seconds() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # takes connections and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        [silence], seconds = _timed_read(url)
    [refusal], seconds_of_a_process = _timed_read(url)  # now nothing listens
    assert seconds - seconds_of_a_process < 10.0
    for message in (silence, refusal):
        assert message.startswith("The hub cannot be reached to read me/x.")
