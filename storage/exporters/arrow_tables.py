"""Rows as Arrow tables, for the formats that keep columns: parquet and `datasets`."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from storage.exporters.writing import Row

_AT_ONCE = 2000  # rows in one batch


def batches(rows: Iterable[Row]) -> tuple[Any, Iterator[Any]]:
    """Return the schema and the rows as record batches; there is at least one row."""
    import pyarrow

    iterator = iter(rows)
    first = next(iterator)
    known = _fields()
    schema = pyarrow.schema([(name, known[name]) for name in first])
    return schema, _batches(chain([first], iterator), schema)


def _batches(rows: Iterator[Row], schema: Any) -> Iterator[Any]:
    import pyarrow

    while chunk := list(islice(rows, _AT_ONCE)):
        yield pyarrow.RecordBatch.from_pylist(chunk, schema=schema)


def _fields() -> dict[str, Any]:
    import pyarrow

    text, number = pyarrow.string(), pyarrow.float64()
    messages = pyarrow.list_(pyarrow.struct([("role", text), ("content", text)]))
    return (
        dict.fromkeys(("prompt", "chosen", "rejected"), messages)
        | dict.fromkeys(("split", "source", "origin"), text)
        | dict.fromkeys(("labeller", "labeller_kind", "rationale", "at"), text)
        | dict.fromkeys(("agreement", "strength", "seconds"), number)
        | dict.fromkeys(("pair_id", "round"), pyarrow.int64())
        | {"tags": pyarrow.list_(text)}
    )
