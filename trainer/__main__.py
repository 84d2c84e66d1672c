"""The worker: carries out one run from its folder alone.

`python -m trainer RUN_FOLDER` ends with 0 finished, 1 failed, 2 bad folder, 3 cancelled.
`torchrun --standalone --nproc_per_node N -m trainer RUN_FOLDER` shares a training run among N
processes, one a GPU, or all on the CPU; the launcher itself then ends with 1 for all but 0.
"""

import argparse
import contextlib
import importlib
import logging
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.errors import (
    RunFolderError,
    RunLockedError,
    TrainerError,
    is_disk_full,
    is_process_gone,
)
from trainer.models import model_source
from trainer.private.accelerate import has_started_this_alone
from trainer.runs import launch, run_folder
from trainer.runs.context import Cancelled, RunContext, RunFailed, num_ranks, rank
from trainer.runs.event_log import EventWriter, SilentEvents, last_ending
from trainer.runs.kinds import KINDS
from trainer.runs.lock import ask_to_stop, forget_stop, worker_lock

FINISHED, FAILED, BAD_FOLDER, CANCELLED = range(4)
NUM_TRACEBACK_LINES = 12
_ALONE = (
    "accelerate has started one process, which trains all of the run by itself. It starts several "
    "only where it finds as many GPUs; anywhere they are started by "
    "torchrun --standalone --nproc_per_node 2 -m trainer RUN_FOLDER"
)


def main() -> int:
    """Carry out the run that the command line names; returns the exit code."""
    arguments = _parse_arguments()
    folder: Path = arguments.run_folder.resolve()
    try:
        spec = run_folder.read_spec(folder)
        data_folder = run_folder.data_folder_of(folder, arguments.data)
        if KINDS[spec.kind].module is None:
            raise RunFolderError(f"Runs of the kind {spec.kind} cannot be carried out yet.")
        first = rank() == 0  # of several processes the first alone locks the folder and writes
        with worker_lock(folder) if first else contextlib.nullcontext():
            ending = last_ending(folder)
            if ending is not None and ending["type"] == "finished":
                raise RunFolderError(f"Run {spec.id} is finished. Create a new run to go on.")
            if first:
                launch.write_identity(folder)
            events = EventWriter(folder) if first else SilentEvents()
            context = RunContext(folder, spec, data_folder, arguments.device, events)
            if KINDS[spec.kind].trains and has_started_this_alone():
                events.write("warning", message=_ALONE)
            return _carry_out(context)
    except RunFolderError as error:
        print(error, file=sys.stderr)
        return BAD_FOLDER


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m trainer", description=__doc__)
    parser.add_argument("run_folder", type=Path, help="for example data/runs/0007-dpo")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--data", type=Path, help="the data folder, if not the run folder's own")
    return parser.parse_args()


@dataclass(frozen=True)
class Ending:
    """How a run ended: exit code, and the ending event."""

    code: int
    event: str
    fields: dict[str, Any]
    agreed: bool = False  # whether all processes of the run end this way


def _carry_out(context: RunContext) -> int:
    """Run, and write exactly one ending event."""
    folder = context.folder
    # The others learn of a stop from the first, and of its end when it no longer answers.
    stop = (lambda *_: ask_to_stop(folder)) if rank() == 0 else signal.SIG_IGN
    signal.signal(signal.SIGTERM, stop)
    sends = bool(context.spec.options.get("repository"))
    os.environ.update(
        model_source.worker_environment(context.spec.base, context.data_folder, sends=sends)
    )
    _silence_libraries()
    ending = _ending_of(context)
    try:
        if rank() == 0:
            _write_down(ending, context.events, folder)
        elif not ending.agreed:
            _write_for_a_dead_first(ending, folder)
    except OSError as error:
        _log(f"The end of the run could not be written down: {error}")
        return FAILED
    if ending.agreed and num_ranks() > 1:
        # A launcher ends the others as soon as one has left with another code than 0.
        importlib.import_module("trainer.recipes.ranks").wait_for_all()
    return ending.code


def _write_down(ending: Ending, events: EventWriter, folder: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a launcher's, which would stop the next start
    forget_stop(folder)
    events.write(ending.event, **ending.fields)


def _write_for_a_dead_first(ending: Ending, folder: Path) -> None:
    """Write the end of the run down in place of the first process, if that was killed."""
    with contextlib.suppress(RunLockedError), worker_lock(folder):
        if last_ending(folder) is None:
            _write_down(ending, EventWriter(folder), folder)


def _ending_of(context: RunContext) -> Ending:
    started = time.monotonic()
    try:
        run, trains = _run_of(context.spec.kind), KINDS[context.spec.kind].trains
        with _denormals_flushed() if trains else contextlib.nullcontext():
            summary = run(context)
    except Cancelled as outcome:
        return Ending(CANCELLED, "cancelled", outcome.fields, agreed=True)
    except RunFailed as error:
        fields = {"message": str(error), "traceback": "", **error.fields}
        _log(str(error))
        return Ending(FAILED, "failed", fields, agreed=True)
    except TrainerError as error:
        _log(str(error))
        return Ending(FAILED, "failed", {"message": str(error), "traceback": ""})
    except Exception as error:
        trace = traceback.format_exc()
        _log(trace)
        lines = trace.splitlines()[-NUM_TRACEBACK_LINES:]
        fields = {"message": _in_words(error), "traceback": "\n".join(lines)}
        return Ending(FAILED, "failed", fields)
    seconds = round(time.monotonic() - started, 1)
    summary = {"seconds": seconds, **summary}
    return Ending(FINISHED, "finished", {"summary": summary}, agreed=True)


def _log(words: str) -> None:
    """Write to the log, which may lie on a disk that is full."""
    with contextlib.suppress(OSError):
        print(words, file=sys.stderr, flush=True)


def _in_words(error: Exception) -> str:
    if is_disk_full(error):
        return (
            "The disk is full. Free some space, then resume the run: it goes on from its last "
            "checkpoint."
        )
    if num_ranks() > 1 and is_process_gone(error):
        return (
            "One of the run's processes was killed, perhaps for want of memory. Resume the run: it "
            "goes on from its last checkpoint."
        )
    return f"The run ended with an unexpected error: {type(error).__name__}. See its log."


def _silence_libraries() -> None:
    """Keep words meant for the libraries' own developers out of the log that people read."""
    warnings.simplefilter("ignore", FutureWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


@contextlib.contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Let the processor flush denormals (below 1e-38) to zero; it is several times slower on them.

    Pairs whose margin is large have gradients of that size. Threads take this over from the one
    that starts them.
    """
    torch = importlib.import_module("torch")
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _run_of(kind: str) -> Callable[[RunContext], dict[str, Any]]:
    module = importlib.import_module(str(KINDS[kind].module))
    run: Callable[[RunContext], dict[str, Any]] = module.run
    return run


if __name__ == "__main__":
    sys.exit(main())
