"""The run folder: the contract between the server, which creates it, and the worker.

A run is a folder with `run.json` and frozen inputs, which are read and written here; a lock
(`lock`), `events.jsonl` (`event_log`) and its results (`manifest`). None of these modules knows
anything of models or imports torch.
"""

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.errors import RunFolderError, TrainerError
from trainer.runs.durable_json import dump, write_durably
from trainer.runs.kinds import KINDS

FORMAT = 1

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
        write_durably(partial / "run.json", dump(_spec_to_json(spec), indent=2) + "\n")
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
            file.write(dump(row) + "\n")
        file.flush()
        os.fsync(file.fileno())
