"""JSON text as the run folder holds it, and files that are replaced in one step."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_durably(path: Path, text: str) -> None:
    """Replace the file in one step, so that a crash leaves the old or the new one."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def dump(value: Any, *, indent: int | None = None) -> str:
    """The value as JSON; raises ValueError for floats that JSON cannot hold."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)


def finite(value: Any) -> Any:
    """The value with every float that JSON cannot hold (NaN, infinity) replaced by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value
