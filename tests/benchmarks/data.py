"""Data in and out at the size of a large dataset, beside `datasets` reading the same file.

A real server; everything goes over HTTP, as a browser or a script would ask. Each line of the table
is printed as soon as it is measured, with what it must not exceed.
"""

import argparse
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.benchmarks.screen_calls import Screen
from tests.http_api import Api
from tests.server_process import ServerProcess

SEED = 20_240_901
TEXT = (
    "river stone cloud bright answer please explain number history maybe because under orange "
    "winter garden simple letter window travel music evening reason paper silver"
)
WORDS = TEXT.split()
RARE_EVERY = 10_000
"""One in so many prompts has the rare word, and one the Chinese one."""
NUM_TO_LABEL = 5000
PAUSE_SECONDS = 0.2  # a labeller who hardly looks
NUM_CALLS = 40
KINDS = ("prompts", "pairs", "verdicts")
SEARCHES = {"common": "river", "rare": "zeppelin", "absent": "quagmire", "Chinese": "齐柏林"}


@dataclass
class Labelling:
    """A labeller who submits until told to stop, and how long each answer took."""

    api: Api
    seconds: list[float] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, most: int = NUM_TO_LABEL) -> None:
        """Submit one verdict after the other."""
        screen = self.api.call("submit_and_next", "", None, "")
        while not self.stopping.is_set() and screen["current"] and len(self.seconds) < most:
            started = time.perf_counter()
            pair_id = screen["current"]["pair_id"]
            screen = self.api.call("submit_and_next", uuid.uuid4().hex, pair_id, "left")
            self.seconds.append(time.perf_counter() - started)
            self.stopping.wait(PAUSE_SECONDS)

    def beside(self, work: Callable[[], Any]) -> tuple[Any, float]:
        """Label while some work is done; return what it gives and the seconds it took."""
        thread = threading.Thread(target=self.run)
        thread.start()
        started = time.perf_counter()
        try:
            found = work()
        finally:
            seconds = time.perf_counter() - started
            self.stopping.set()
            thread.join()
        return found, seconds


class Memory:
    """The largest memory of a server, and of the processes that it starts, while it is watched."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
        self.before = memory_mib(pid, "VmRSS")
        self.children = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self.server = memory_mib(self._pid, "VmHWM") - self.before

    def _watch(self) -> None:
        while not self._stopping.wait(0.2):
            peaks = [memory_mib(child, "VmHWM") for child in children(self._pid)]
            self.children = max(self.children, sum(peaks))


def write_pairs(path: Path, num_pairs: int, *, judged: bool) -> None:
    """Write pairs of about 300 characters, the same ones at each call."""
    draw = random.Random(SEED)  # noqa: S311
    names = ("chosen", "rejected") if judged else ("answer_a", "answer_b")
    with path.open("w", encoding="utf-8") as file:
        for number in range(num_pairs):
            texts = [" ".join(draw.choices(WORDS, k=count)) for count in (10, 16, 16)]
            prompt = f"{names[0]} {number}: {texts[0]}"
            if number % RARE_EVERY == 0:
                prompt += f" {SEARCHES['rare']} {SEARCHES['Chinese']}伯爵"
            row = {"prompt": prompt, names[0]: texts[1], names[1]: texts[2]}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def memory_mib(pid: int, name: str) -> float:
    """Return a number of /proc/PID/status in MiB: VmRSS is memory now, VmHWM its peak."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    found = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return int(found[0]) / 1024 if found else 0.0


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    found: list[int] = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, listed.read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of all lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def say(name: str, value: str, bound: str = "") -> None:
    """Print a line of the table."""
    print(f"{name:<42}  {value:<34}{bound and f'  must be under {bound}'}".rstrip(), flush=True)


def say_times(name: str, seconds: list[float], bound: str = "") -> None:
    """Print the median and the 95th percentile."""
    median, slow = statistics.median(seconds), percentile(seconds, 0.95)
    text = f"p50 {1000 * median:.0f} ms, p95 {1000 * slow:.0f} ms ({len(seconds)})"
    say(name, text, bound and f"p95 {bound}")


def timed(call: Callable[[], Any]) -> list[float]:
    """Return how long each of some calls took; the first one, on a cold cache, is not counted."""
    seconds = []
    for _ in range(NUM_CALLS + 1):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return seconds[1:]


def measure_import(server: ServerProcess, file: Path) -> None:
    """Bring the file in while somebody labels, then wait for the search index."""
    api = server.api
    uploaded = api.upload(file.name, file.read_bytes())
    labelling = Labelling(server.api)
    with Memory(server.pid) as memory:
        report, seconds = labelling.beside(lambda: api.call("import_file", uploaded))
    say("pairs", f"{report['num_pairs']:,} ({file.stat().st_size / 1e6:.0f} MB)")
    each = 1e6 * seconds / report["num_pairs"]
    say("import, somebody labelling", f"{seconds:.1f} s, {each:.0f} us a pair", "150 s")
    say("  extra memory of the server", f"{memory.server:.0f} MiB")
    say("  memory of the process that reads", f"{memory.children:.0f} MiB")
    say("  both", f"{memory.server + memory.children:.0f} MiB", "300 MiB")
    say_times("  submit and next meanwhile", labelling.seconds, "300 ms")


def measure_index(api: Api) -> None:
    """Wait until a search knows all texts."""
    started = time.perf_counter()
    while any(api.call("browse", kind, "river")["not_indexed"] for kind in ("prompts", "pairs")):
        time.sleep(1)
    say("search index complete after another", f"{time.perf_counter() - started:.0f} s")


def measure_screens(api: Api) -> None:
    """Label, look at the counts, and look through the data."""
    labelling = Labelling(api)
    labelling.run(NUM_CALLS)
    say_times("submit and next, nothing beside", labelling.seconds, "300 ms")
    screen = Screen(api)
    say_times("header's counts", timed(lambda: screen.send("header-counts", "tick")))
    say_times("/statistics", timed(lambda: api.call("statistics")))
    started = time.perf_counter()
    screen.send("data-export-count", "select")
    say("Data tab, rows to export after a change", f"{time.perf_counter() - started:.1f} s")
    count = timed(lambda: screen.send("data-export-count", "select"))
    say_times("Data tab, rows to export again", count, "300 ms")
    page = timed(lambda: screen.send("data-table", "select"))
    say_times("Data tab, first page on the screen", page, "300 ms")
    for kind in KINDS:
        say_times(f"  first page of {kind}", timed(lambda k=kind: api.call("browse", k)), "300 ms")
    for name, word in SEARCHES.items():
        for kind in KINDS:
            found = api.call("browse", kind, word)["num_found"]
            seconds = timed(lambda k=kind, w=word: api.call("browse", k, w))
            number = "10,000+" if found is None else f"{found:,}"
            say_times(f"  {name} word, {number} {kind}", seconds, "300 ms")


def measure_export(server: ServerProcess, folder: Path) -> None:
    """Fetch all preferences as a file, while somebody labels."""
    to = folder / "exported.jsonl"

    def fetch() -> None:
        with (
            httpx.stream("POST", f"{server.url}/export_file", timeout=600) as answer,
            to.open("wb") as file,
        ):
            answer.raise_for_status()
            file.writelines(answer.iter_bytes())

    labelling = Labelling(server.api)
    _, seconds = labelling.beside(fetch)
    with to.open("rb") as lines:
        number = sum(1 for _ in lines)
    size = to.stat().st_size / 1e6
    say("export to a file", f"{seconds:.1f} s, {number:,} rows, {size:.0f} MB", "90 s")
    say_times("  submit and next meanwhile", labelling.seconds)
    to.unlink()


def measure_peer(file: Path, folder: Path) -> None:
    """Let `datasets` read the file into its own cache."""
    from datasets import disable_progress_bars, load_dataset

    started = time.perf_counter()
    disable_progress_bars()
    load_dataset("json", data_files=str(file), cache_dir=str(folder / "cache"))
    say("datasets.load_dataset, same file", f"{time.perf_counter() - started:.1f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    arguments = parser.parse_args()
    say("machine", f"{os.cpu_count()} cores, {platform.machine()}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="pairtune-benchmark-") as name:
        folder = Path(name)
        file, open_pairs = folder / "pairs.jsonl", folder / "open.jsonl"
        write_pairs(file, arguments.pairs, judged=True)
        write_pairs(open_pairs, NUM_TO_LABEL, judged=False)
        server = ServerProcess(folder / "data").start()
        try:
            api = server.api
            while children(server.pid):
                time.sleep(0.5)  # the starter model is being converted: once a data folder
            api.call("import_file", api.upload(open_pairs.name, open_pairs.read_bytes()))
            measure_import(server, file)
            measure_export(server, folder)
            measure_index(api)
            measure_screens(api)
        finally:
            server.stop()
        measure_peer(file, folder)


if __name__ == "__main__":
    main()
