"""Reads a hub dataset through PairTune's own reader and through huggingface_hub's HfFileSystem.

By hand: `python tests/benchmarks/hub_reading.py`. The hub is the tests' own, each answer held back
by --delay; a file of parquet and one of jsonl are read for their first rows, for all, and for all
of a hub that breaks off after two blocks.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from storage.importers.sources.data_files import Position
from storage.importers.sources.dataset_parts import Part
from storage.importers.sources.hub_datasets import hub_dataset
from storage.importers.sources.reading import read_file
from tests.hub_server import serving

OWN, LIBRARY = "PairTune", "HfFileSystem"
NUM_FIRST = 100
HEAD = f"{'file':<14} {'rows':<8} {'reader':<13} {'requests':>8} {'MB':>6} {'s':>6} {'peak MB':>8}"


@dataclass(frozen=True)
class LibraryFile:
    """A hub file that HfFileSystem opens, with blocks as large as PairTune's."""

    file: Any
    name: str
    size: int

    def open(self) -> Any:
        from huggingface_hub import HfFileSystem

        path = f"datasets/{self.file.dataset}@{self.file.commit}/{self.name}"
        return HfFileSystem(token=False).open(path, size=self.size, block_size=4 << 20)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.05, help="seconds before each answer")
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)  # in a process of its own
    arguments = parser.parse_args()
    if arguments.read:
        read(*arguments.read)
        return
    sys.stdout.write(f"{HEAD}\n")
    contents = files(arguments.megabytes << 20)
    for name, rows, reader in product(contents, ("first", "all", "broken"), (OWN, LIBRARY)):
        with serving() as hub:
            hub.delay_seconds = arguments.delay
            hub.fails_after = 2 if rows == "broken" else None
            hub.dataset("me/pairs", {name: contents[name]})
            ended = subprocess.run(
                [sys.executable, __file__, "--read", reader, rows],
                env={**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0"},
                stdout=subprocess.PIPE,
                text=True,
            )
            seconds, peak = json.loads(ended.stdout)
            sys.stdout.write(
                f"{name:<14} {rows:<8} {reader:<13} {len(hub.requests):>8} "
                f"{hub.num_bytes_sent / 1e6:>6.1f} {seconds:>6.2f} {peak:>8}\n"
            )


def read(reader: str, rows: str) -> None:
    """Read, and print the seconds and the peak memory in MB."""
    import pyarrow.parquet  # noqa: F401 - loaded beforehand

    started = time.monotonic()
    [file] = hub_dataset("me/pairs").files_of(Part())
    file = LibraryFile(file, file.name, file.size) if reader == LIBRARY else file
    try:
        stop = NUM_FIRST if rows == "first" else None
        num_rows = sum(1 for _ in islice(read_file(file, Position()), stop))
        assert num_rows >= NUM_FIRST
    except Exception as error:
        sys.stderr.write(f"{error}\n")
    seconds = round(time.monotonic() - started, 2)
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    sys.stdout.write(json.dumps([seconds, int(status["VmHWM"].split()[0]) // 1024]))


def files(num_bytes: int) -> dict[str, bytes]:
    """A parquet and a jsonl file of about so many bytes, with pairs that cannot be packed."""
    import pyarrow
    from pyarrow import parquet

    texts = [os.urandom(500).hex() for _ in range(num_bytes // 2000)]
    rows = [{"prompt": t[:100], "chosen": t[:900], "rejected": t[100:]} for t in texts]
    table, content = pyarrow.Table.from_pylist(rows), io.BytesIO()
    how: dict[str, Any] = {"compression": "none", "use_dictionary": False, "row_group_size": 1000}
    parquet.write_table(table, content, **how)
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    return {"pairs.parquet": content.getvalue(), "pairs.jsonl": lines.encode()}


if __name__ == "__main__":
    main()
