"""What a training run leaves in its folder, and the manifest that says what exactly it is."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainer.errors import TrainerError
from trainer.runs.durable_json import dump, finite, write_durably

FORMAT = 1
# LoRA weights, or a model of which all were trained: names of folders, and what a manifest `holds`.
ADAPTER, FULL_MODEL = "adapter", "model"


def adapter_path(data_folder: Path, adapter: str) -> Path:
    """Where the adapter named in `run.json` lies (relative names start at the data folder)."""
    return data_folder / adapter


def write_manifest(adapter_folder: Path, info: Mapping[str, Any]) -> None:
    """Write `manifest.json`: `info` and the SHA-256 of every other file of the adapter or model."""
    names = sorted(p.name for p in adapter_folder.iterdir() if p.name != "manifest.json")
    files = {name: _sha256(adapter_folder / name) for name in names}
    manifest = {"format": FORMAT, **info, "files": files}
    write_durably(adapter_folder / "manifest.json", dump(finite(manifest), indent=2) + "\n")


def check_manifest(adapter_folder: Path, *, base: str | None = None) -> dict[str, Any]:
    """Compare the files of an adapter or a full model with its manifest; returns the manifest.

    Raises TrainerError naming the file that is missing or was changed, or where it was not trained
    from `base`, if one is given.
    """
    manifest = _read_manifest(adapter_folder)
    if base is not None and manifest.get("base_model") != base:
        raise TrainerError(
            f"{adapter_folder} was trained from {manifest.get('base_model')}, not from {base}. "
            "Choose its own base model, or another adapter or model."
        )
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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
