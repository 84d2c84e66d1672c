"""Ends a run's worker as a crash would, without a chance to write anything."""

import contextlib
import json
import os
import signal
from pathlib import Path

from trainer.runs.lock import is_locked


def kill_worker(folder: Path) -> bool:
    """Kill the worker that holds the run's lock; False where none does."""
    if not is_locked(folder):
        return False
    # Written by the worker while it holds the lock, so the id is its own.
    identity = json.loads((folder / "worker.json").read_text(encoding="utf-8"))
    with contextlib.suppress(ProcessLookupError):
        os.kill(identity["pid"], signal.SIGKILL)
    return True
