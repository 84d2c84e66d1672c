"""Export runs that send to a hub, by real workers: what arrives there is what lies here."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hub_server import WRITER, Hub, files_of
from tests.server_process import PROJECT
from tests.trainer.conftest import MakeRun
from trainer.recipes import sft
from trainer.runs import run_folder
from trainer.runs.context import RunContext
from trainer.runs.event_log import read_events
from trainer.runs.run_folder import RunSpec

pytestmark = pytest.mark.slow

ADAPTER = "runs/0001-sft/adapter"


@pytest.fixture
def trained(make_run: MakeRun) -> RunContext:
    """A run that has saved an adapter."""
    context = make_run(1, "sft", training={"max_steps": 1, "eval_steps": 0})
    sft.run(context)
    return context


def _sent(trained: RunContext, hub: Hub, token: str = WRITER, **options: Any) -> Path:
    """Carry an export run out that sends to me/tuned, and return its folder."""
    folder = trained.data_folder / "runs" / "0002-export"
    wanted = {"repository": "me/tuned", "private": True, **options}
    run_folder.create(folder, RunSpec(2, "export", trained.spec.base, ADAPTER, wanted), {})
    # LFS objects go by plain HTTP where the hub library's own storage protocol is switched off.
    without_xet = str(int(hub.sends_lfs))
    environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN": token, "HF_HUB_DISABLE_XET": without_xet}
    subprocess.run(
        [sys.executable, "-m", "trainer", str(folder), "--device", "cpu"],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=180,
    )
    return folder


def _last_event(folder: Path) -> dict[str, Any]:
    return read_events(folder, 0)[0][-1]


@pytest.mark.parametrize("sends_lfs", [True, False], ids=["lfs", "regular"])
def test_adapter_arrives_byte_for_byte_with_its_card(
    trained: RunContext, hub: Hub, sends_lfs: bool
) -> None:
    hub.sends_lfs = sends_lfs
    folder = _sent(trained, hub, target="adapter")
    event = _last_event(folder)
    assert event["type"] == "finished", event
    assert event["summary"]["repository"] == f"{hub.url}/me/tuned"
    repo = hub.repos["models", "me/tuned"]
    assert repo.files == files_of(trained.data_folder / ADAPTER)
    assert repo.is_private
    assert b"base_model:" in repo.files["README.md"]
    assert repo.lfs_files == ({"adapter_model.safetensors"} if sends_lfs else set())
    assert repo.commits == ["Upload from PairTune"]


def test_merged_model_arrives_byte_for_byte_and_the_token_is_kept_nowhere(
    trained: RunContext, hub: Hub
) -> None:
    folder = _sent(trained, hub, target="merged")
    assert _last_event(folder)["type"] == "finished", _last_event(folder)
    repo = hub.repos["models", "me/tuned"]
    assert repo.files == files_of(folder / "model")
    assert {"README.md", "model.safetensors", "tokenizer.json"} <= repo.files.keys()
    written = {**files_of(trained.data_folder), **repo.files}
    assert [name for name, content in written.items() if WRITER.encode() in content] == []


def test_token_that_may_not_write_is_told_and_kept_nowhere(trained: RunContext, hub: Hub) -> None:
    folder = _sent(trained, hub, token="hf_other", target="adapter")
    event = _last_event(folder)
    assert event["type"] == "failed"
    assert event["message"].startswith("The hub refused me/tuned (HTTP 403).")
    assert hub.repos == {}
    assert b"hf_other" not in b"".join(files_of(folder).values())
