"""A folder as `datasets` keeps it on disk, for `load_from_disk`; written through Arrow alone."""

import uuid
from collections.abc import Iterable
from pathlib import Path

from storage.exporters.arrow_tables import batches
from storage.exporters.formats import parquet_table
from storage.exporters.writing import Row, completed, write_json

NAME = "datasets"
TITLE = "datasets folder (.zip)"
PURPOSE = "For datasets.load_from_disk: TRL's conversational columns, mapped into memory."
LACKS = "Ties and pairs of two bad answers are left out."
SHAPE = parquet_table.SHAPE
ROWS_PER_PAIR = 1

_DATA = "data-00000-of-00001.arrow"

rows = parquet_table.rows


def write(rows: Iterable[Row], folder: Path) -> None:
    """Write the folder preferences."""
    import pyarrow

    to = folder / "preferences"
    to.mkdir()
    schema, found = batches(rows)
    with completed(to / _DATA) as unfinished, pyarrow.ipc.new_stream(unfinished, schema) as stream:
        for batch in found:
            stream.write_batch(batch)
    # Features are left to `datasets`, which takes them from the Arrow schema.
    write_json(to / "dataset_info.json", {"description": "Preferences exported by PairTune."})
    state: Row = {
        "_data_files": [{"filename": _DATA}],
        "_fingerprint": uuid.uuid4().hex[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    write_json(to / "state.json", state)
