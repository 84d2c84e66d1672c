"""The run folder: the contract between the server, which creates it, and the worker.

A run is a folder with `run.json`, frozen inputs, `events.jsonl`, a lock and its results. This
module reads and writes all of them. It knows nothing of models and never imports torch.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import math
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trainer.errors import RunFolderError, RunLockedError, TrainerError
from trainer.runs.kinds import KINDS

FORMAT = 1
ENDINGS = ("finished", "failed", "cancelled")
LOCK_PATIENCE_SECONDS = 2.0
# What a training run leaves in its folder: LoRA weights, or a model of which all were trained.
ADAPTER, FULL_MODEL = "adapter", "model"

_INPUT_NAME = re.compile(r"[a-z0-9_]+\.jsonl")


@dataclass(frozen=True)
class RunSpec:
    """What a run is to do, as `run.json` says it; written once, before the start."""

    id: int
    kind: str
    base: str  # "starter", a hub id or a folder
    # Start from this adapter, or from this trained full model; relative to the data folder, or
    # absolute.
    adapter: str | None
    options: dict[str, Any]
    snapshot: str | None = None  # hash of the frozen data, "sha256:..."


def folder_name(run_id: int, kind: str) -> str:
    """Name of a run's folder, for example `0007-dpo`."""
    return f"{run_id:04d}-{kind}"


def create(folder: Path, spec: RunSpec, inputs: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    """Write a new run folder: `run.json` and one JSON Lines file for each of `inputs`.

    It is written under another name and renamed at the end, so a half-written run is never seen.
    Raises TrainerError when the folder exists already.
    """
    if folder.exists():
        raise TrainerError(f"The run folder {folder} exists already. Choose another run number.")
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        for name, rows in inputs.items():
            if not _INPUT_NAME.fullmatch(name):
                raise TrainerError(f"{name!r} is no name for an input: use one like train.jsonl.")
            _write_rows(partial / name, rows)
        _write_durably(partial / "run.json", _dump(_spec_to_json(spec), indent=2) + "\n")
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def read_spec(folder: Path) -> RunSpec:
    """Read `run.json`; raises RunFolderError that names what is missing or wrong."""
    path = folder / "run.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunFolderError(
            f"{folder} is no run folder: it has no run.json. Name a folder like data/runs/0007-dpo."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise RunFolderError(f"{path} must hold one JSON object.")
    if data.get("format") != FORMAT:
        raise RunFolderError(
            f"{path} has format {data.get('format')!r}; this version reads format {FORMAT}."
        )
    return _spec_from_json(path, data)


def read_rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """Read one frozen input, for example `train.jsonl`; raises RunFolderError."""
    path = folder / name
    rows: list[dict[str, Any]] = []
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise RunFolderError(f"{path}, line {number}: not a JSON object.")
                rows.append(row)
    except FileNotFoundError:
        raise RunFolderError(f"The run folder {folder} lacks its input {name}.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from error
    return rows


def data_folder_of(folder: Path, named: Path | None = None) -> Path:
    """The data folder of a run: `named` if given, else the one that holds `runs/FOLDER`."""
    if named is not None:
        return named.resolve()
    runs = folder.resolve().parent
    if runs.name != "runs":
        raise RunFolderError(
            f"{folder} does not lie in a folder runs/ of a data folder. Name the data folder, "
            "where models are kept, with --data."
        )
    return runs.parent


def adapter_path(data_folder: Path, adapter: str) -> Path:
    """Where the adapter named in `run.json` lies (relative names start at the data folder)."""
    return data_folder / adapter


class EventWriter:
    """Appends events to `events.jsonl`; only the worker that holds the lock may have one.

    Every event is one line written by one system call. Numbering goes on after a restart, and a
    line that a killed worker left unfinished is cut off first (no reader has taken it in).
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "events.jsonl"
        self._last_seq = 0
        if self._path.exists():
            events, end = read_events(folder, 0)
            self._last_seq = max((event.get("seq", 0) for event in events), default=0)
            os.truncate(self._path, end)

    def write(self, event_type: str, **fields: Any) -> None:
        """Append one event; numbers that are not finite become null, as JSON has none."""
        event = {
            "seq": self._last_seq + 1,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "type": event_type,
            **fields,
        }
        line = (_dump(_finite(event)) + "\n").encode("utf-8", errors="replace")
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            end = os.fstat(descriptor).st_size
            num_written = os.write(descriptor, line)
            if num_written < len(line):
                os.ftruncate(descriptor, end)
                raise OSError(errno.ENOSPC, "The disk is full", str(self._path))
        finally:
            os.close(descriptor)
        self._last_seq += 1


class SilentEvents(EventWriter):
    """Writes nothing: for the further processes of a run, whose first one tells how it goes."""

    def __init__(self) -> None:
        """Touch no file: the first process is writing it."""

    def write(self, event_type: str, **fields: Any) -> None:
        """Leave it to the first process."""


def read_events(folder: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Events from byte `offset` on, and the offset after them; an unfinished line is left.

    A finished line that is no JSON object (a damaged disk) comes back as a `warning` event.
    """
    try:
        with (folder / "events.jsonl").open("rb") as file:
            file.seek(offset)
            content = file.read()
    except FileNotFoundError:
        return [], offset
    complete = content[: content.rfind(b"\n") + 1]
    return [_parse_event(line) for line in complete.splitlines()], offset + len(complete)


def last_ending(folder: Path) -> dict[str, Any] | None:
    """The last `finished`, `failed` or `cancelled` event with no `started` after it, or None."""
    events, _ = read_events(folder, 0)
    for event in events[::-1]:
        if event.get("type") in ENDINGS:
            return event
        if event.get("type") == "started":
            return None
    return None


@contextlib.contextmanager
def worker_lock(folder: Path) -> Iterator[None]:
    """Hold the run's lock while working; raises RunLockedError when another worker holds it.

    Waits a moment, because `is_locked` of another process holds the lock for an instant.
    """
    with (folder / "lock").open("a") as file:
        deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RunLockedError(
                        f"Another worker already works on {folder}. Stop it, or wait for its end."
                    ) from None
                time.sleep(0.05)
        yield


def is_locked(folder: Path) -> bool:
    """Whether a living worker holds the run's lock."""
    try:
        with (folder / "lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def ask_to_stop(folder: Path) -> None:
    """Ask the worker for a clean stop after the step it is in."""
    (folder / "cancel").touch()


def stop_asked(folder: Path) -> bool:
    """Whether a clean stop was asked for."""
    return (folder / "cancel").exists()


def forget_stop(folder: Path) -> None:
    """Forget the wish to stop: it was carried out, or the run starts anew."""
    (folder / "cancel").unlink(missing_ok=True)


def write_manifest(adapter_folder: Path, info: Mapping[str, Any]) -> None:
    """Write `manifest.json`: `info` and the SHA-256 of every other file of the adapter or model."""
    names = sorted(p.name for p in adapter_folder.iterdir() if p.name != "manifest.json")
    files = {name: _sha256(adapter_folder / name) for name in names}
    manifest = {"format": FORMAT, **info, "files": files}
    _write_durably(adapter_folder / "manifest.json", _dump(_finite(manifest), indent=2) + "\n")


def check_manifest(adapter_folder: Path) -> dict[str, Any]:
    """Compare the files of an adapter or a full model with its manifest; returns the manifest.

    Raises TrainerError naming the file that is missing or was changed.
    """
    manifest = _read_manifest(adapter_folder)
    for name, expected in manifest["files"].items():
        file = adapter_folder / name
        if not file.is_file():
            raise TrainerError(f"The file {file} is missing. Train the adapter or model again.")
        if _sha256(file) != expected:
            raise TrainerError(
                f"The file {file} is damaged: its contents differ from what was saved. "
                "Restore it from a copy, or train the adapter or model again."
            )
    return manifest


def holds_full_model(adapter_folder: Path) -> bool:
    """Whether a run has left a full model there, by its manifest; an adapter otherwise.

    Raises TrainerError when the manifest cannot be read.
    """
    return _read_manifest(adapter_folder).get("holds") == FULL_MODEL


def _read_manifest(adapter_folder: Path) -> dict[str, Any]:
    path = adapter_folder / "manifest.json"
    try:
        manifest = dict(json.loads(path.read_text(encoding="utf-8")))
        manifest["files"] = dict(manifest["files"])
    except FileNotFoundError:
        raise TrainerError(
            f"{adapter_folder} has no manifest.json, so its files cannot be checked. "
            "Choose an adapter or a model that was trained here."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise TrainerError(f"{path} cannot be read ({error}). Train it again.") from error
    return manifest


def manifest_hash(adapter_folder: Path) -> str:
    """SHA-256 of `manifest.json`, which names the exact adapter."""
    return _sha256(adapter_folder / "manifest.json")


def _spec_to_json(spec: RunSpec) -> dict[str, Any]:
    return {
        "id": spec.id,
        "kind": spec.kind,
        "model": {"base": spec.base, "adapter": spec.adapter},
        "options": spec.options,
        "snapshot": spec.snapshot,
        "format": FORMAT,
    }


def _spec_from_json(path: Path, data: dict[str, Any]) -> RunSpec:
    model = data.get("model")
    model = model if isinstance(model, dict) else {}
    spec = RunSpec(
        id=data.get("id", ""),
        kind=data.get("kind", ""),
        base=model.get("base", ""),
        adapter=model.get("adapter"),
        options=data.get("options", {}),
        snapshot=data.get("snapshot"),
    )
    rules = {
        '"id" must be a whole number': type(spec.id) is int,
        f'"kind" must be one of {", ".join(KINDS)}': spec.kind in KINDS,
        '"model.base" must name a model': isinstance(spec.base, str) and spec.base != "",
        '"model.adapter" must be text or null': isinstance(spec.adapter, str | None),
        '"options" must be an object': isinstance(spec.options, dict),
        '"snapshot" must be text or null': isinstance(spec.snapshot, str | None),
    }
    problems = [rule for rule, holds in rules.items() if not holds]
    if problems:
        raise RunFolderError(f"{path} is not valid: {'; '.join(problems)}.")
    return spec


def _write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(_dump(row) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _write_durably(path: Path, text: str) -> None:
    """Replace the file in one step, so that a crash leaves the old or the new one."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _dump(value: Any, *, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(value: Any) -> Any:
    """The value with every float that JSON cannot hold (NaN, infinity) replaced by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _parse_event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if isinstance(event, dict):
        return event
    return {"type": "warning", "message": "One line of events.jsonl cannot be read; it was left."}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
