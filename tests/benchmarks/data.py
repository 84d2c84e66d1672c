"""Import at the size of a large data set, beside `datasets` reading the same file.

A real server imports a generated file while a labeller submits over HTTP.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from tests.http_api import Api
from tests.server_process import ServerProcess

SEED = 20_240_901
WORDS = [
    "river",
    "stone",
    "cloud",
    "bright",
    "answer",
    "please",
    "explain",
    "number",
    "history",
    "maybe",
    "because",
    "under",
    "orange",
    "winter",
    "garden",
    "simple",
    "letter",
    "window",
    "travel",
    "music",
    "evening",
    "reason",
    "paper",
    "silver",
]
NUM_TO_LABEL = 5000
PAUSE_SECONDS = 0.2  # a labeller who hardly looks


@dataclass
class Labelling:
    """A labeller who submits until told to stop, and how long each answer took."""

    api: Api
    seconds: list[float] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Submit one verdict after the other."""
        screen = self.api.call("submit_and_next", "", None, "")
        while not self.stopping.is_set() and screen["current"]:
            started = time.perf_counter()
            pair_id = screen["current"]["pair_id"]
            screen = self.api.call("submit_and_next", uuid.uuid4().hex, pair_id, "left")
            self.seconds.append(time.perf_counter() - started)
            self.stopping.wait(PAUSE_SECONDS)


def write_pairs(path: Path, num_pairs: int, *, judged: bool) -> None:
    """Write pairs of about 300 characters, the same ones at each call."""
    draw = random.Random(SEED)  # noqa: S311
    names = ("chosen", "rejected") if judged else ("answer_a", "answer_b")
    with path.open("w", encoding="utf-8") as file:
        for number in range(num_pairs):
            texts = [" ".join(draw.choices(WORDS, k=count)) for count in (10, 16, 16)]
            prompt = f"{names[0]} {number}: {texts[0]}"
            row = {"prompt": prompt, names[0]: texts[1], names[1]: texts[2]}
            file.write(json.dumps(row) + "\n")


def memory_mib(pid: int, name: str) -> float:
    """Return a number of /proc/PID/status in MiB: VmRSS is memory now, VmHWM its peak."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    found = next(line for line in lines if line.startswith(f"{name}:"))
    return int(found.split()[1]) / 1024


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of all lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(folder: Path, num_pairs: int) -> list[tuple[str, str]]:
    """Import and label; return the lines of the table."""
    file, open_pairs = folder / "pairs.jsonl", folder / "open.jsonl"
    write_pairs(file, num_pairs, judged=True)
    write_pairs(open_pairs, NUM_TO_LABEL, judged=False)
    server = ServerProcess(folder / "data").start()
    try:
        api = server.api
        api.call("import_file", api.upload("open.jsonl", open_pairs.read_bytes()))
        uploaded = api.upload(file.name, file.read_bytes())
        before = memory_mib(server.pid, "VmRSS")
        labelling = Labelling(server.api)
        thread = threading.Thread(target=labelling.run)
        thread.start()
        started = time.perf_counter()
        report = api.call("import_file", uploaded)
        import_seconds = time.perf_counter() - started
        labelling.stopping.set()
        thread.join()
        peak = memory_mib(server.pid, "VmHWM")
    finally:
        server.stop()
    answers = labelling.seconds
    return [
        ("pairs", f"{report['num_pairs']:,} ({file.stat().st_size / 1e6:.0f} MB)"),
        ("import", f"{import_seconds:.1f} s, {1e6 * import_seconds / num_pairs:.0f} us a pair"),
        ("extra memory at the peak", f"{peak - before:.0f} MiB"),
        ("verdicts meanwhile", f"{len(answers)}"),
        ("submit and next, median", f"{1000 * statistics.median(answers):.0f} ms"),
        ("submit and next, p95", f"{1000 * percentile(answers, 0.95):.0f} ms"),
        ("datasets.load_dataset, same file", f"{peer_seconds(file, folder):.1f} s"),
    ]


def peer_seconds(file: Path, folder: Path) -> float:
    """Return how long `datasets` takes to read the file into its own cache."""
    from datasets import load_dataset

    started = time.perf_counter()
    load_dataset("json", data_files=str(file), cache_dir=str(folder / "cache"))
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pairtune-benchmark-") as folder:
        lines = measure(Path(folder), arguments.pairs)
    width = max(len(name) for name, _ in lines)
    sys.stdout.write("".join(f"{name:<{width}}  {value}\n" for name, value in lines))


if __name__ == "__main__":
    main()
