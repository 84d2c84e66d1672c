"""PairTune's DPO beside TRL's own, on the same pairs: speed, memory, use of the machine.

By hand: `make benchmark-training FILE=pairs.jsonl PAIRS=64`. FILE is a preference file in any
format that PairTune imports (also as .gz). Each contender is a process of its own with the same
base model, LoRA, optimiser, batches and one epoch; loading the model is not counted.
PairTune's is the worker as the app starts it, first without and then with its stored references.
On a GPU (`--device cuda`) memory is what torch has had of it at most.
"""

import argparse
import gzip
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.importers.parsed import ImportedPair
from storage.importers.sources.reading import read_rows
from storage.importers.understanding import understand
from trainer.models import model_source
from trainer.runs import launch, run_folder
from trainer.runs.event_log import read_events
from trainer.runs.run_folder import RunSpec

PROJECT = Path(__file__).resolve().parents[2]
PEER = "tests.benchmarks.training_peer"


@dataclass(frozen=True)
class Result:
    """What one contender took."""

    name: str
    num_pairs: int
    reference_seconds: float
    training_seconds: float
    peak_gib: float  # resident memory, or a GPU's
    loss: float  # mean over the steps

    @property
    def pairs_a_second(self) -> float:
        """With the reference pass counted in."""
        return self.num_pairs / (self.reference_seconds + self.training_seconds)


def main() -> None:
    """Measure all contenders and print the table."""
    arguments = _arguments()
    rows = list(itertools.islice(_preferences(arguments.file), arguments.pairs))
    if len(rows) < arguments.pairs:
        sys.exit(f"{arguments.file} holds only {len(rows)} pairs with a verdict.")
    base = arguments.base
    os.environ.update(model_source.worker_environment(base, arguments.data))
    os.environ["PYTHONWARNINGS"] = "ignore"
    if base == model_source.STARTER:
        command = [sys.executable, "-m", "trainer.models.loading", "--data", str(arguments.data)]
        subprocess.run(command, check=True)
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary) / "data"
        home.mkdir()
        (home / "models").symlink_to(arguments.data.resolve() / "models")
        options = _options(arguments.batch, four_bit=arguments.four_bit)
        folders = [
            _new_run(home, RunSpec(number, "dpo", base, None, options), rows) for number in (1, 2)
        ]
        device = arguments.device
        work, _ = _run_peer(folders[0], "work", device)
        results = [
            _ours("PairTune, first run", folders[0], device),
            _ours("PairTune, references stored", folders[1], device),
            _trl("TRL, references precomputed", folders[0], "precomputed", device),
            _trl("TRL, ordinary", folders[0], "plain", device),
        ]
    _print(results, work, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, required=True, help="preferences, jsonl or jsonl.gz")
    parser.add_argument("--pairs", type=int, default=64, help="how many of them, from the start")
    parser.add_argument("--batch", type=int, default=4, help="pairs a step")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder")
    parser.add_argument("--base", default=model_source.STARTER)
    parser.add_argument("--four-bit", action="store_true", help="keep the base in 4 bits (NF4)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    return parser.parse_args()


def _preferences(path: Path) -> Iterator[dict[str, Any]]:
    """Rows as a run folder holds them, of the pairs that have a winner."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as plain:
        if path.suffix == ".gz":
            plain.write(gzip.decompress(path.read_bytes()))
            plain.flush()
            path = Path(plain.name)
        items = understand(read_rows(path)).items
    for number, item in enumerate(items):
        if isinstance(item, ImportedPair) and item.verdict in ("a", "b"):
            texts = (item.text_a, item.text_b)
            chosen, rejected = texts if item.verdict == "a" else texts[::-1]
            yield {
                "prompt": item.messages,
                "chosen": [{"role": "assistant", "content": chosen}],
                "rejected": [{"role": "assistant", "content": rejected}],
                "pair_id": number,
            }


def _options(batch: int, *, four_bit: bool) -> dict[str, Any]:
    return {
        "training": {
            "per_device_train_batch_size": batch,
            "num_train_epochs": 1.0,
            "save_steps": 0,
            "eval_steps": 0,
        },
        "quantization": {} if four_bit else None,
        "stopping": None,
    }


def _new_run(home: Path, spec: RunSpec, rows: list[dict[str, Any]]) -> Path:
    folder = home / "runs" / run_folder.folder_name(spec.id, spec.kind)
    run_folder.create(folder, spec, {"train.jsonl": rows, "heldout.jsonl": []})
    return folder


def _ours(name: str, folder: Path, device: str) -> Result:
    _, peak = _measured("trainer", str(folder), "--device", device)
    events, _ = read_events(folder, 0)
    summary = events[-1]["summary"]
    losses = [e["values"]["loss"] for e in events if "loss" in e.get("values", {})]
    return Result(
        name,
        summary["num_train"],
        summary["reference_seconds"],
        summary["training_seconds"],
        summary.get("peak_gpu_gib", peak),
        statistics.fmean(losses),
    )


def _trl(name: str, folder: Path, what: str, device: str) -> Result:
    found, peak = _run_peer(folder, what, device)
    num_pairs = len(run_folder.read_rows(folder, "train.jsonl"))
    return Result(name, num_pairs, **{"peak_gib": peak, **found})


def _run_peer(folder: Path, what: str, device: str) -> tuple[dict[str, Any], float]:
    output, peak = _measured(PEER, str(folder), what, device)
    return json.loads(output.splitlines()[-1]), peak


def _measured(module: str, *arguments: str) -> tuple[str, float]:
    """Run a module in its own process: its output, and its peak of resident memory in GiB."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=PROJECT,
            env=launch.environment() if module == "trainer" else None,
            stdout=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{module} {' '.join(arguments)} ended with {process.returncode}.")
        output.seek(0)
        return output.read(), usage.ru_maxrss / 1024**2


def _print(results: list[Result], work: dict[str, Any], arguments: argparse.Namespace) -> None:
    slowest = results[-1]
    name = model_source.describe(arguments.base) + (" in 4 bits" if arguments.four_bit else "")
    print(f"\n{work['device']}, {name},")
    print(
        f"{slowest.num_pairs} pairs of {work['num_tokens']} tokens in all, batch "
        f"{arguments.batch}, one epoch; peak of the machine {work['peak']:.0f} GFLOP/s"
    )
    print(
        f"{'':30}{'pairs/s':>8}{'times':>7}{'reference s':>13}{'training s':>12}"
        f"{'GiB':>7}{'of peak':>9}{'loss':>9}"
    )
    for result in results:
        share = work["training_gflop"] / result.training_seconds / work["peak"]
        print(
            f"{result.name:30}{result.pairs_a_second:8.2f}"
            f"{result.pairs_a_second / slowest.pairs_a_second:7.1f}"
            f"{result.reference_seconds:13.1f}{result.training_seconds:12.1f}"
            f"{result.peak_gib:7.1f}{share:9.0%}{result.loss:9.4f}"
        )
    print(
        "times: pairs/s, references counted in, against TRL's ordinary run. of peak: matrix "
        "products that training needs at the least, by its seconds, against the machine's peak."
    )


if __name__ == "__main__":
    main()
