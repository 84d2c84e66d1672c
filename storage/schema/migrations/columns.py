"""What migrations write again and again: closed sets of values, and conditions of indexes."""

from typing import Any

import sqlalchemy as sa


def one_of(name: str, *values: str) -> sa.Enum:
    """The type of a column that a named constraint holds to these values."""
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)


def where(condition: str) -> dict[str, Any]:
    """The arguments of an index of the rows that meet a condition."""
    return {f"{name}_where": sa.text(condition) for name in ("sqlite", "postgresql")}
