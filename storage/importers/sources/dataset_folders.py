"""Datasets that lie in a folder of this machine: what `datasets` has saved, or files of rows.

Who may name a folder is decided elsewhere. Links are never followed, so that a folder holds nothing
but itself.
"""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from storage.errors import InputError
from storage.importers.sources.data_files import LocalFile
from storage.importers.sources.dataset_parts import DEFAULT, TRAIN, Dataset, Parts, parts_of

logger = logging.getLogger(__name__)

_SAVED, _SAVED_SPLITS, _CARD = "state.json", "dataset_dict.json", "README.md"
_MAX_ENTRIES = 10_000


def folder_dataset(place: str) -> Dataset:
    """Look into a folder, without reading any rows.

    Args:
        place: its whole path, from / on, without links and without "..".

    Raises:
        InputError: there is no such folder, it holds too much or no file of rows, or a part of
            what `datasets` has saved is missing.
    """
    folder = _checked(place)
    saved = _saved(folder)
    parts = {DEFAULT: saved} if saved else parts_of(_names(folder), _configs(folder))
    if not parts:
        raise InputError(
            f"{folder} holds no file of rows that PairTune reads: parquet, jsonl, json, csv, tsv "
            "or Arrow. Name the folder that the files lie in."
        )
    return Dataset(folder.name, _with_files(folder, parts))


def _checked(place: str) -> Path:
    path = Path(place)
    if "\0" in place or not path.is_absolute() or ".." in path.parts:
        raise InputError(
            f"{place!r:.200} is no whole path. Write the folder from / on, without .. in it."
        )
    try:
        is_folder = path.is_dir()
        # Also of what leads to it: a link in the middle would lead elsewhere as well.
        has_links = os.path.realpath(path) != str(path)
    except OSError:
        is_folder = has_links = False
    if not is_folder:
        raise InputError(f"There is no folder {place!r:.200} on the server's machine.")
    if has_links:
        raise InputError(
            f"{place!r:.200} leads through a link. Write the path of the folder itself."
        )
    return path


def _saved(folder: Path) -> dict[str, list[str]]:
    """Return the splits of what `datasets` has saved here; none if it has saved nothing here."""
    if (folder / _SAVED_SPLITS).is_file():
        splits = _json(folder / _SAVED_SPLITS).get("splits")
        names = splits if isinstance(splits, list) else []
        return {str(split): _shards(folder, split) for split in names}
    if (folder / _SAVED).is_file():
        return {TRAIN: _shards(folder)}
    return {}


def _shards(folder: Path, *split: Any) -> list[str]:
    """Return the names of the Arrow files that the saved state of a split, or of all, counts up."""
    state = _part(folder, *split, _SAVED)
    found = _json(state).get("_data_files")
    names = [item.get("filename") for item in found or [] if isinstance(item, dict)]
    return [_part(folder, *split, name).relative_to(folder).as_posix() for name in names]


def _part(folder: Path, *names: Any) -> Path:
    """Return a file below the folder that its own files name; none of the names leads elsewhere."""
    is_plain = all(isinstance(name, str) and Path(name).name == name for name in names)
    file = folder.joinpath(*names) if is_plain and "\0" not in "".join(names) else None
    if file is None or os.path.realpath(file) != str(file) or not file.is_file():
        missing = "/".join(str(name) for name in names)
        raise InputError(f"{folder} lacks its file {missing!r:.200}. Save or copy it again.")
    return file


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{path} cannot be read, although `datasets` needs it. Save it again.")
    return found


def _names(folder: Path) -> Iterator[str]:
    """Yield all files below a folder, links left out."""
    num_entries = 0
    for at, folders, files in os.walk(folder):
        num_entries += len(folders) + len(files)
        if num_entries > _MAX_ENTRIES:
            raise InputError(
                f"{folder} holds more than {_MAX_ENTRIES:,} files and folders. Name the folder of "
                "one dataset."
            )
        for file in files:
            path = Path(at) / file
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix()


def _configs(folder: Path) -> Any:
    from huggingface_hub import metadata_load

    try:
        return (metadata_load(folder / _CARD) or {}).get("configs")
    except FileNotFoundError:
        return None
    except Exception:  # YAML raises errors of all kinds; the files' names will do
        logger.warning("The card of the dataset in %s cannot be read.", folder, exc_info=True)
        return None


def _with_files(folder: Path, parts: Parts) -> dict[str, dict[str, list[LocalFile]]]:
    return {
        subset: {split: [LocalFile(folder / name) for name in names] for split, names in of.items()}
        for subset, of in parts.items()
    }
