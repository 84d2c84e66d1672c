"""The run folder: specification, inputs, events, lock, stop and manifest."""

import fcntl
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer.errors import RunFolderError, RunLockedError, TrainerError
from trainer.runs import run_folder
from trainer.runs.run_folder import EventWriter, RunSpec

SPEC = RunSpec(7, "dpo", "starter", None, {"training": {"beta": 0.2}}, "sha256:ab")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "runs" / "0007-dpo"
    run_folder.create(path, SPEC, {"train.jsonl": [{"pair_id": 1}, {"pair_id": 2, "t": "é"}]})
    return path


def test_created_run_reads_back_as_it_was(folder: Path, tmp_path: Path) -> None:
    assert run_folder.read_spec(folder) == SPEC
    assert run_folder.read_rows(folder, "train.jsonl") == [{"pair_id": 1}, {"pair_id": 2, "t": "é"}]
    assert run_folder.data_folder_of(folder) == tmp_path
    assert json.loads((folder / "run.json").read_text())["model"]["base"] == "starter"


def test_failing_input_leaves_no_half_of_a_folder(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, int]]:
        yield {"pair_id": 1}
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        run_folder.create(tmp_path / "0001-dpo", SPEC, {"train.jsonl": rows()})
    assert list(tmp_path.iterdir()) == []


def test_existing_run_folder_is_not_overwritten(folder: Path) -> None:
    with pytest.raises(TrainerError, match="exists already"):
        run_folder.create(folder, SPEC, {})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "has no run.json"),
        ("{", "cannot be read"),
        ("[]", "one JSON object"),
        ('{"format": 9}', "format 9"),
        ('{"format": 1, "id": "x", "kind": "bake"}', '"kind" must be one of.*"model.base"'),
    ],
)
def test_bad_run_json_is_refused_with_its_reason(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunFolderError, match=reason):
        run_folder.read_spec(tmp_path)


def test_missing_options_are_valid(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(
        '{"format": 1, "id": 1, "kind": "dpo", "model": {"base": "starter"}}'
    )
    assert run_folder.read_spec(tmp_path).options == {}


def test_events_are_numbered_on_after_a_killed_worker(folder: Path) -> None:
    EventWriter(folder).write("started", num_train=2)
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'{"seq": 2, "type": "progr')
    EventWriter(folder).write("started", num_train=3)
    events, _ = run_folder.read_events(folder, 0)
    assert [(event["seq"], event["num_train"]) for event in events] == [(1, 2), (2, 3)]


def test_reader_leaves_an_unfinished_line_for_later(folder: Path) -> None:
    writer = EventWriter(folder)
    writer.write("started")
    events, offset = run_folder.read_events(folder, 0)
    assert [event["type"] for event in events] == ["started"]
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'{"seq": 2, "type": "warning"')
        file.flush()
        assert run_folder.read_events(folder, offset) == ([], offset)
        file.write(b"}\n")
    events, offset = run_folder.read_events(folder, offset)
    assert [event["type"] for event in events] == ["warning"]
    assert offset == (folder / "events.jsonl").stat().st_size


def test_numbers_that_are_not_finite_become_null(folder: Path) -> None:
    EventWriter(folder).write("metrics", values={"loss": float("nan"), "all": [float("inf"), 1.5]})
    events, _ = run_folder.read_events(folder, 0)
    assert events[0]["values"] == {"loss": None, "all": [None, 1.5]}


def test_damaged_line_is_reported_and_the_others_are_read(folder: Path) -> None:
    (folder / "events.jsonl").write_bytes(b'\x00\x00\n{"seq": 2, "type": "finished"}\n')
    events, _ = run_folder.read_events(folder, 0)
    assert [event["type"] for event in events] == ["warning", "finished"]


def test_ending_of_an_earlier_life_does_not_count(folder: Path) -> None:
    writer = EventWriter(folder)
    assert run_folder.last_ending(folder) is None
    writer.write("cancelled")
    assert (run_folder.last_ending(folder) or {})["type"] == "cancelled"
    writer.write("started")
    assert run_folder.last_ending(folder) is None


def test_lock_shows_and_keeps_a_second_worker_out(folder: Path) -> None:
    assert not run_folder.is_locked(folder)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); "
            "print('held', flush=True); sys.stdin.read()",
            str(folder / "lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    assert run_folder.is_locked(folder)
    with pytest.raises(RunLockedError, match="Another worker"), run_folder.worker_lock(folder):
        pass
    holder.kill()
    holder.communicate()
    assert not run_folder.is_locked(folder)


def test_looking_at_the_lock_does_not_keep_a_worker_out(folder: Path) -> None:
    looking = (folder / "lock").open("a")
    fcntl.flock(looking, fcntl.LOCK_SH)
    threading.Timer(0.3, looking.close).start()
    with run_folder.worker_lock(folder):
        assert run_folder.is_locked(folder)


def test_wish_to_stop_can_be_rolled_back(folder: Path) -> None:
    run_folder.ask_to_stop(folder)
    assert run_folder.stop_asked(folder)
    run_folder.forget_stop(folder)
    assert not run_folder.stop_asked(folder)


def test_manifest_names_the_file_that_was_changed(tmp_path: Path) -> None:
    (tmp_path / "adapter_model.safetensors").write_bytes(b"weights")
    run_folder.write_manifest(tmp_path, {"base_model": "starter"})
    assert run_folder.check_manifest(tmp_path)["base_model"] == "starter"
    (tmp_path / "adapter_model.safetensors").write_bytes(b"weighty")
    with pytest.raises(TrainerError, match=r"adapter_model\.safetensors is damaged"):
        run_folder.check_manifest(tmp_path)
    (tmp_path / "adapter_model.safetensors").unlink()
    with pytest.raises(TrainerError, match=r"adapter_model\.safetensors is missing"):
        run_folder.check_manifest(tmp_path)
