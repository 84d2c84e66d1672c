"""Files that are read in a process of their own: the same rows, the same refusals."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from app.services.imports import import_process
from app.services.imports.import_process import read_steps
from app.services.imports.import_source import ImportSource
from storage.errors import InputError
from storage.importers.importing import BATCH_SIZE, ImportOptions
from tests.sample_files import jsonl
from tests.storage.importing_files import inspect_file


@pytest.fixture(autouse=True)
def no_file_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_process, "SMALL_BYTES", 0)


def _file(folder: Path, num_rows: int) -> ImportSource:
    rows = [{"prompt": f"Q{n}", "chosen": "one", "rejected": "two"} for n in range(num_rows)]
    path = folder / "rows.jsonl"
    path.write_bytes(jsonl(rows))
    return ImportSource(str(path))


def _children() -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def test_the_process_understands_what_this_one_would(tmp_path: Path) -> None:
    source = _file(tmp_path, 2 * BATCH_SIZE + 100)
    steps = list(read_steps(source, ImportOptions("file")))
    assert [len(step.prepared.pairs) for step in steps] == [BATCH_SIZE, BATCH_SIZE, 100]
    assert steps[-1].report == inspect_file(Path(source.place))
    assert steps[-1].share == 1.0


def test_a_refusal_of_the_process_is_told_in_its_words(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"empty\.jsonl is empty"):
        list(read_steps(ImportSource(str(path)), ImportOptions("file")))


def test_a_process_that_dies_is_told(tmp_path: Path) -> None:
    steps = read_steps(_file(tmp_path, 60_000), ImportOptions("file"))
    next(steps)
    for pid in _children():
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(InputError, match="ended in the middle"):
        list(steps)
