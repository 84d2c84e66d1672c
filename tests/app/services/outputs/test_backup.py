"""Backup and restore: a whole project in one file, under load too, and what is refused."""

import hashlib
import json
import sqlite3
import subprocess
import sys
import threading
import uuid
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.services.context import Context
from app.services.outputs.backup import back_up, backup_archive, restore
from storage.data.pairs import NewCompletion, add_pair
from storage.data.prompts import add_prompt
from storage.enums import CompletionOrigin, PairOrigin, Side, Verdict
from storage.errors import InputError
from storage.exporters.catalogue import FORMATS
from storage.exporters.exporting import export_rows
from storage.exporters.filters import ExportFilter
from storage.labelling.labellers import human_labeller
from storage.labelling.preferences import NewPreference, record
from storage.schema.database import open_database
from storage.settings import Settings

PROJECT = Path(__file__).resolve().parents[4]


def _judge(context: Context, number: int) -> None:
    """Store a pair and its verdict in one transaction."""
    with context.database.session_scope() as session:
        prompt, _ = add_prompt(
            session, [{"role": "user", "content": f"prompt {number}"}], source="test"
        )
        a, b = (
            NewCompletion(text=f"{side} {number}", origin=CompletionOrigin.GENERATED)
            for side in ("one", "other")
        )
        pair = add_pair(session, prompt.id, a, b, origin=PairOrigin.GENERATED)
        new = NewPreference(
            submit_id=uuid.uuid4().hex,
            pair_id=pair.id,
            labeller_id=human_labeller(session, None, "me").id,
            verdict=Verdict.A,
            left=Side.A,
        )
        record(session, new)


def _preferences(data_folder: Path) -> list[object]:
    database = open_database(Settings(data_folder=data_folder))
    with database.read_scope() as session:
        rows = list(export_rows(session, FORMATS[0], ExportFilter()))
    database.close()
    return rows


@pytest.fixture
def archive(context: Context, tmp_path: Path) -> Path:
    """A backup of a project with three verdicts and one run that made an adapter."""
    for number in range(3):
        _judge(context, number)
    run = context.runs_folder / "0001-dpo"
    for name in ("run.json", "events.jsonl", "lock", "adapter/a.safetensors", "checkpoints/big"):
        path = run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    to = tmp_path / "backup.zip"
    back_up(_database(context), context.settings.data_folder, to, with_adapters=True)
    return to


def _database(context: Context) -> Path:
    return context.settings.data_folder / "pairtune.db"


def test_restored_project_has_the_same_preferences_runs_and_adapters(
    context: Context, archive: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    restore(archive, new)
    assert len(_preferences(new)) == 3
    assert _preferences(new) == _preferences(context.settings.data_folder)
    files = {path.relative_to(new / "runs/0001-dpo").as_posix() for path in new.rglob("*-dpo/**/*")}
    assert files == {"run.json", "events.jsonl", "adapter", "adapter/a.safetensors"}
    assert new.stat().st_mode & 0o77 == 0
    assert archive.stat().st_mode & 0o77 == 0


def test_adapters_stay_out_unless_asked_for(context: Context, archive: Path) -> None:
    path = backup_archive(context)
    assert sorted(zipfile.ZipFile(path).namelist()) == [
        "manifest.json",
        "pairtune.db",
        "runs/0001-dpo/events.jsonl",
        "runs/0001-dpo/run.json",
    ]


def test_backup_under_writing_holds_every_verdict_that_was_stored_before_it(
    context: Context, tmp_path: Path
) -> None:
    stop, stored = threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            _judge(context, len(stored))
            stored.append(True)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            while len(stored) < 10 * (number + 1):
                assert writer.is_alive()
            before, to = len(stored), tmp_path / f"{number}.zip"
            back_up(_database(context), context.settings.data_folder, to)
            restore(to, tmp_path / f"restored-{number}")
            found = len(_preferences(tmp_path / f"restored-{number}"))
            assert before <= found <= len(stored) + 1
    finally:
        stop.set()
        writer.join()
    assert len(_preferences(context.settings.data_folder)) == len(stored)


def test_backup_over_a_file_or_of_nothing_is_refused(context: Context, tmp_path: Path) -> None:
    taken = tmp_path / "taken.zip"
    taken.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        back_up(_database(context), context.settings.data_folder, taken)
    assert taken.read_text() == "mine"
    with pytest.raises(InputError, match="no database"):
        back_up(tmp_path / "none.db", tmp_path, tmp_path / "new.zip")
    with pytest.raises(InputError, match="cannot be written"):
        back_up(_database(context), context.settings.data_folder, tmp_path / "no" / "new.zip")
    assert not (tmp_path / "new.zip").exists()


def test_folder_that_is_not_empty_is_left_alone(archive: Path, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        restore(archive, full)
    assert [path.name for path in full.iterdir()] == ["mine.txt"]


Change = Callable[[dict[str, bytes]], None]


def _changed(archive: Path, change: Change) -> Path:
    """The archive with other content, and a manifest that fits it unless the change wrote one."""
    with zipfile.ZipFile(archive) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    manifest = files.pop("manifest.json")
    change(files)
    if "manifest.json" not in files:
        listed = {
            name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        }
        files["manifest.json"] = json.dumps(json.loads(manifest) | {"files": listed}).encode()
    changed = archive.with_name("changed.zip")
    with zipfile.ZipFile(changed, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return changed


def _scrambled_database(files: dict[str, bytes]) -> None:
    content = bytearray(files["pairtune.db"])
    content[4096 : 3 * 4096] = bytes(range(256)) * 32
    files["pairtune.db"] = bytes(content)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda files: files.update({"../evil": b"x"}), "evil"),
        (lambda files: files.update({"runs/../../evil": b"x"}), "evil"),
        (lambda files: files.update({"/tmp/evil": b"x"}), "evil"),  # noqa: S108
        (lambda files: files.update({"runs/0001-dpo/../evil": b"x"}), "evil"),
        (lambda files: files.update({"models/evil": b"x"}), "evil"),
        (lambda files: files.pop("pairtune.db"), "manifest"),
        (lambda files: files.update({"manifest.json": b'{"format": 1, "files": {}}'}), "manifest"),
        (lambda files: files.update({"manifest.json": b'{"format": 2}'}), "newer"),
        (lambda files: files.update({"manifest.json": b"[]"}), "damaged"),
        (lambda files: files.update({"pairtune.db": b"no database"}), "database"),
        (_scrambled_database, "database"),
    ],
)
def test_archive_that_is_no_sound_backup_is_refused_and_writes_nothing(
    change: Change, words: str, archive: Path, tmp_path: Path
) -> None:
    before = set(tmp_path.rglob("*"))
    changed = _changed(archive, change)
    with pytest.raises(InputError, match=f"not a backup.*{words}"):
        restore(changed, tmp_path / "new")
    assert set(tmp_path.rglob("*")) - before == {changed}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_archive_that_is_cut_off_is_refused(share: float, archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match="not a backup"):
        restore(cut, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_changed_byte_is_noticed(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        database = packed.getinfo("pairtune.db")
    content = bytearray(archive.read_bytes())
    # Behind its header; there every bit belongs to the packed rows.
    content[database.header_offset + database.compress_size // 2] ^= 1
    archive.write_bytes(content)
    with pytest.raises(InputError, match="not a backup"):
        restore(archive, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def _app(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "app.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)


def test_commands_back_up_and_restore(context: Context, archive: Path, tmp_path: Path) -> None:
    data, new, file = context.settings.data_folder, tmp_path / "new", str(tmp_path / "file.zip")
    made = _app("backup", file, "--data", str(data))
    assert made.returncode == 0, made.stderr
    restored = _app("restore", file, "--data", str(new))
    assert restored.returncode == 0, restored.stderr
    with closing(sqlite3.connect(new / "pairtune.db")) as found:
        assert found.execute("SELECT count(*) FROM preferences").fetchone() == (3,)
    again = _app("restore", file, "--data", str(new))
    assert again.returncode == 2
    assert again.stderr.startswith("PairTune cannot restore: ")
    assert "not empty" in again.stderr
    unnamed = _app("backup", "--data", str(data))
    assert unnamed.returncode == 2
    assert "Name the archive" in unnamed.stderr
