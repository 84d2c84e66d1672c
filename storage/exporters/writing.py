"""Puts rows into files: lines of JSON, and whole folders; a file appears only when complete."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = dict[str, Any]


@contextmanager
def completed(path: Path) -> Iterator[Path]:
    """Give a name to write to; what is there takes its real name at the end, unless it fails."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_preferences(rows: Iterable[Row], folder: Path) -> None:
    """Write preferences.jsonl, as `write_lines` does."""
    write_lines(folder / "preferences.jsonl", rows)


def write_lines(path: Path, rows: Iterable[Row]) -> None:
    """Write one line of JSON a row; texts stay as they are."""
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    with completed(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="\n") as to:
        to.writelines(f"{encode(row)}\n" for row in rows)


def write_json(path: Path, value: Any) -> None:
    """Write one JSON value, indented for people."""
    with completed(path) as unfinished:
        unfinished.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", "utf-8")
