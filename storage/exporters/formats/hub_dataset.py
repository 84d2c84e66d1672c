"""A hub dataset: parquet files by split with a card that names them; ready to be pushed."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from storage.enums import Split
from storage.exporters.arrow_tables import batches
from storage.exporters.formats import parquet_table
from storage.exporters.writing import Row, completed

NAME = "hub"
TITLE = "Hub dataset with its card (.zip)"
PURPOSE = "A folder to publish: train and test as parquet, and a card; load_dataset reads it."
LACKS = "Ties and pairs of two bad answers are left out."
SHAPE = parquet_table.SHAPE
ROWS_PER_PAIR = 1

_FILES = {Split.TRAIN: ("train", "train.parquet"), Split.HELDOUT: ("test", "test.parquet")}
_CARD = """---
configs:
- config_name: default
  data_files:
{files}
tags:
- dpo
- preference
- trl
---

# Preferences

Pairs of answers with the better one as `chosen`, labelled with PairTune: {counts}. `prompt`,
`chosen` and `rejected` are lists of messages, as TRL's trainers take them. Held-out prompts are
the split `test`. Ties and pairs of two bad answers are left out.

```python
from datasets import load_dataset

preferences = load_dataset("this/dataset")
```

`agreement` is the share of a pair's verdicts that say what its outcome is; `origin` tells how the
two answers came to stand beside each other, and `round` in which turn of the loop.
"""

rows = parquet_table.rows


def write(rows: Iterable[Row], folder: Path) -> None:
    """Write README.md, and under data a parquet file for each split that has rows."""
    data = folder / "data"
    data.mkdir()
    schema, found = batches(rows)
    numbers = _write_splits(data, schema, found)
    lines, counts = [], []
    for split, number in numbers.items():
        name, file = _FILES[split]
        lines.append(f"  - split: {name}\n    path: data/{file}")
        counts.append(f"{number:,} in `{name}`")
    card = _CARD.format(files="\n".join(lines), counts=" and ".join(counts))
    with completed(folder / "README.md") as unfinished:
        unfinished.write_text(card, "utf-8")


def _write_splits(data: Path, schema: Any, found: Iterable[Any]) -> dict[Split, int]:
    """Write one file a split, side by side; return how many rows each has got."""
    import pyarrow
    from pyarrow import compute, parquet

    numbers: dict[Split, int] = {}
    writers: dict[Split, Any] = {}
    with ExitStack() as stack:
        for batch in found:
            for split, (_, file) in _FILES.items():
                of_split = batch.filter(compute.equal(batch["split"], pyarrow.scalar(split.value)))
                if not of_split.num_rows:
                    continue
                if split not in writers:
                    path = stack.enter_context(completed(data / file))
                    writer = parquet.ParquetWriter(path, schema, compression="zstd")
                    writers[split] = stack.enter_context(writer)
                writers[split].write_batch(of_split)
                numbers[split] = numbers.get(split, 0) + of_split.num_rows
    return {split: numbers[split] for split in _FILES if split in numbers}
