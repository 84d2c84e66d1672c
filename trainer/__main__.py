"""The worker: carries out one run from its folder alone.

`python -m trainer RUN_FOLDER` ends with 0 finished, 1 failed, 2 bad folder, 3 cancelled.
"""

import argparse
import importlib
import logging
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainer import launch, model_source, run_folder
from trainer.errors import RunFolderError, TrainerError
from trainer.run_context import Cancelled, RunContext, RunFailed
from trainer.run_folder import EventWriter

FINISHED, FAILED, BAD_FOLDER, CANCELLED = range(4)
NUM_TRACEBACK_LINES = 12

_MODULES = {
    "generate": "trainer.generation.generate",
    "sft": "trainer.recipes.sft",
    "dpo": "trainer.recipes.dpo",
}


def main() -> int:
    """Carry out the run that the command line names; returns the exit code."""
    arguments = _parse_arguments()
    folder: Path = arguments.run_folder.resolve()
    try:
        spec = run_folder.read_spec(folder)
        data_folder = run_folder.data_folder_of(folder, arguments.data)
        if spec.kind not in _MODULES:
            raise RunFolderError(f"Runs of the kind {spec.kind} cannot be carried out yet.")
        with run_folder.worker_lock(folder):
            ending = run_folder.last_ending(folder)
            if ending is not None and ending["type"] == "finished":
                raise RunFolderError(f"Run {spec.id} is finished. Create a new run to go on.")
            launch.write_identity(folder)
            events = EventWriter(folder)
            context = RunContext(folder, spec, data_folder, arguments.device, events)
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


def _carry_out(context: RunContext) -> int:
    """Run, and write exactly one ending event."""
    folder = context.folder
    signal.signal(signal.SIGTERM, lambda *_: run_folder.ask_to_stop(folder))
    os.environ.update(model_source.worker_environment(context.spec.base, context.data_folder))
    _silence_libraries()
    started = time.monotonic()
    try:
        summary = _run_of(context.spec.kind)(context)
    except Cancelled as outcome:
        run_folder.forget_stop(folder)
        context.events.write("cancelled", **outcome.fields)
        return CANCELLED
    except TrainerError as error:
        fields = error.fields if isinstance(error, RunFailed) else {}
        context.events.write("failed", message=str(error), traceback="", **fields)
        print(error, file=sys.stderr)
        return FAILED
    except Exception as error:
        traceback.print_exc()
        lines = traceback.format_exc().splitlines()[-NUM_TRACEBACK_LINES:]
        message = f"The run ended with an unexpected error: {type(error).__name__}. See its log."
        context.events.write("failed", message=message, traceback="\n".join(lines))
        return FAILED
    seconds = round(time.monotonic() - started, 1)
    context.events.write("finished", summary={"seconds": seconds, **summary})
    return FINISHED


def _silence_libraries() -> None:
    """Keep words meant for the libraries' own developers out of the log that people read."""
    warnings.simplefilter("ignore", FutureWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def _run_of(kind: str) -> Callable[[RunContext], dict[str, Any]]:
    run: Callable[[RunContext], dict[str, Any]] = importlib.import_module(_MODULES[kind]).run
    return run


if __name__ == "__main__":
    sys.exit(main())
