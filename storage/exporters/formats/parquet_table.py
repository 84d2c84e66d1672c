"""One parquet file with TRL's conversational columns and all that is known beside them."""

from collections.abc import Iterable
from pathlib import Path

from storage.exporters.arrow_tables import batches
from storage.exporters.columns import provenance
from storage.exporters.formats.trl_conversational import conversational
from storage.exporters.judged_pairs import JudgedPair, Shape
from storage.exporters.writing import Row, completed

NAME = "parquet"
TITLE = "Parquet (.parquet)"
PURPOSE = "TRL's conversational columns, packed; for pandas, DuckDB and load_dataset."
LACKS = "Ties and pairs of two bad answers are left out."
SHAPE = Shape(undecided=False, one_turn=False)
ROWS_PER_PAIR = 1


def rows(pair: JudgedPair) -> list[Row]:
    """One row: TRL's columns and where the pair comes from."""
    return [conversational(pair) | provenance(pair)]


def write(rows: Iterable[Row], folder: Path) -> None:
    """Write preferences.parquet."""
    write_parquet(folder / "preferences.parquet", rows)


def write_parquet(path: Path, rows: Iterable[Row]) -> None:
    """Write at least one row as parquet."""
    from pyarrow import parquet

    schema, found = batches(rows)
    with (
        completed(path) as unfinished,
        parquet.ParquetWriter(unfinished, schema, compression="zstd") as to,
    ):
        for batch in found:
            to.write_batch(batch)
