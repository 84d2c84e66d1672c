"""JSON as the database keeps it: readable text, without NaN. Pure."""

import json
from typing import Any


def to_json(value: Any) -> str:
    """Return a JSON value as the database keeps it."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
