"""Which files make up a dataset: its subsets, their splits, and the files of each. Pure.

A card's `configs` say it themselves; where there are none, the usual names of files and folders do,
as the library `datasets` reads them (its data_files.py).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from storage.errors import InputError
from storage.importers.sources.data_files import DataFile

DEFAULT = "default"
TRAIN = "train"

# Kinds that are never mixed, the preferred one first: a set is often there in several.
_KINDS = ({".parquet"}, {".jsonl", ".ndjson", ".json"}, {".csv", ".tsv"}, {".arrow", ".feather"})
_PACKED = {".gz", ".gzip", ".zst", ".zstd"}
_NO_DATA = {
    "config.json",
    "dataset_dict.json",
    "dataset_info.json",
    "dataset_infos.json",
    "state.json",
}
_KEYWORDS = {
    TRAIN: ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_WORD = r"(?:^|[-._ 0-9])(?:{})(?:[-._ 0-9]|$)"
_SHARD = re.compile(r"data/([^/]+)-\d{5}-of-\d{5}[^/]*")

Names = Sequence[str]
Parts = dict[str, dict[str, list[str]]]
"""Names of files by split by subset."""


@dataclass(frozen=True)
class Part:
    """What of a dataset is wanted; None where there is only one, or its usual one."""

    subset: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class Dataset:
    """A dataset that was looked into, none of its rows read yet."""

    name: str
    files: Mapping[str, Mapping[str, Sequence[DataFile]]]
    """By split by subset; at least one."""

    def files_of(self, part: Part) -> Sequence[DataFile]:
        """Return the files of one split.

        Raises:
            InputError: it has no such part, or several and none was named.
        """
        subset = part.subset or self._only("subset", self.files, DEFAULT)
        splits = self._found("subset", self.files, subset)
        split = part.split or self._only("split", splits, TRAIN)
        files: Sequence[DataFile] = self._found("split", splits, split)
        return files

    def _only(self, kind: str, names: Mapping[str, Any], usual: str) -> str:
        if usual in names or len(names) == 1:
            return usual if usual in names else next(iter(names))
        raise InputError(f"{self.name} has several {kind}s: {', '.join(names)}. Choose one.")

    def _found(self, kind: str, names: Mapping[str, Any], name: str) -> Any:
        if name not in names:
            raise InputError(f"{self.name} has no {kind} {name!r:.100}. It has {', '.join(names)}.")
        return names[name]


def parts_of(names: Iterable[str], configs: Any = None) -> Parts:
    """Return the parts that are made of files with these names; none is empty.

    Args:
        names: all files' paths within the set, with slashes.
        configs: `configs` of the set's card, as its YAML says; what cannot be understood of it
            is passed over.
    """
    readable = sorted(name for name in names if _kind(name) is not None)
    entries = [entry for entry in _list(configs) if isinstance(entry, Mapping)]
    given = {
        str(entry.get("config_name", DEFAULT)): _configured(readable, entry) for entry in entries
    }
    found = {subset: _in_order(splits) for subset, splits in given.items() if splits}
    return found or _by_names(readable)


def _configured(readable: Names, entry: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the splits of one entry of a card's configs."""
    folder = entry.get("data_dir")
    prefix = f"{str(folder).strip('/')}/" if isinstance(folder, str) else ""
    below = [name.removeprefix(prefix) for name in readable if name.startswith(prefix)]
    data_files = entry.get("data_files")
    if data_files is None:
        found = _splits(_preferred(below)) if prefix else {}
    elif isinstance(data_files, Mapping):
        found = {str(split): _matching(below, paths) for split, paths in data_files.items()}
    else:
        found = {}
        for item in _list(data_files):
            split, paths = TRAIN, item
            if isinstance(item, Mapping):
                split, paths = str(item.get("split", TRAIN)), item.get("path")
            found.setdefault(split, []).extend(_matching(below, paths))
    return {split: [prefix + name for name in files] for split, files in found.items() if files}


def _matching(names: Names, patterns: Any) -> list[str]:
    """Return the names that match one of the patterns, each once."""
    wanted = [text.removeprefix("./") for text in _list(patterns) if isinstance(text, str)]
    return [name for name in names if any(_matches(name, pattern) for pattern in wanted)]


def _matches(name: str, pattern: str) -> bool:
    """Whether a glob fits: ** stands for any folders, and all else stays within one."""
    parts = name.split("/")
    reached = {0}
    for step in pattern.split("/"):
        if step == "**":
            reached = set(range(min(reached), len(parts) + 1))
        else:
            rest = [at for at in reached if at < len(parts)]
            reached = {at + 1 for at in rest if fnmatchcase(parts[at], step)}
        if not reached:
            return False
    return len(parts) in reached


def _by_names(readable: Names) -> Parts:
    """Return one subset of everything and, where folders stand side by side, one for each."""
    names = _preferred(readable)
    if not names:
        return {}
    parts = {DEFAULT: _splits(names)}
    folders: dict[str, list[str]] = {}
    for name in names:
        folder, slash, rest = name.partition("/")
        if slash and folder != "data" and _keyword(folder) is None:
            folders.setdefault(folder, []).append(rest)
    if len(folders) > 1:
        for folder, within in folders.items():
            parts[folder] = {
                split: [f"{folder}/{name}" for name in files]
                for split, files in _splits(within).items()
            }
    return parts


def _splits(names: Names) -> dict[str, list[str]]:
    """Sort files into splits by the first rule that says something about any of them."""
    rules: tuple[Callable[[str], str | None], ...] = (_of_shard, _of_folders, _of_file)
    for rule in rules:
        found: dict[str, list[str]] = {}
        for name in names:
            if (split := rule(name)) is not None:
                found.setdefault(split, []).append(name)
        if found:
            return _in_order(found)
    return {TRAIN: list(names)} if names else {}


def _of_shard(name: str) -> str | None:
    shard = _SHARD.fullmatch(name)
    return shard.group(1) if shard else None


def _of_folders(name: str) -> str | None:
    folders = reversed(PurePosixPath(name).parts[:-1])
    return next((split for folder in folders if (split := _keyword(folder))), None)


def _of_file(name: str) -> str | None:
    return _keyword(PurePosixPath(name).name)


def _keyword(text: str) -> str | None:
    for split, words in _KEYWORDS.items():
        if re.search(_WORD.format("|".join(words)), text):
            return split
    return None


def _in_order(splits: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Put the usual splits first, in their usual order."""
    usual = {split: splits[split] for split in _KEYWORDS if split in splits}
    return usual | dict(splits)


def _preferred(names: Names) -> list[str]:
    kinds = [_kind(name) for name in names]
    best = min((kind for kind in kinds if kind is not None), default=None)
    return [name for name, kind in zip(names, kinds, strict=True) if kind == best]


def _kind(name: str) -> int | None:
    """Return the place of a file's kind among _KINDS, or None if it holds no rows."""
    path = PurePosixPath(name.lower())
    if path.name in _NO_DATA or any(part.startswith((".", "__")) for part in path.parts):
        return None
    suffix = PurePosixPath(path.stem).suffix if path.suffix in _PACKED else path.suffix
    return next((place for place, kind in enumerate(_KINDS) if suffix in kind), None)


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
