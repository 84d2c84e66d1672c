"""Who works on a run folder, and whether a stop was asked for: the files `lock` and `cancel`."""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

from trainer.errors import RunLockedError

LOCK_PATIENCE_SECONDS = 2.0


@contextlib.contextmanager
def worker_lock(folder: Path) -> Iterator[None]:
    """Hold the run's lock while working; raises RunLockedError when another worker holds it.

    Waits a moment, because `is_locked` of another process holds the lock for an instant.
    """
    with (folder / "lock").open("a") as file:
        deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RunLockedError(
                        f"Another worker already works on {folder}. Stop it, or wait for its end."
                    ) from None
                time.sleep(0.05)
        yield


def is_locked(folder: Path) -> bool:
    """Whether a living worker holds the run's lock."""
    try:
        with (folder / "lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def ask_to_stop(folder: Path) -> None:
    """Ask the worker for a clean stop after the step it is in."""
    (folder / "cancel").touch()


def stop_asked(folder: Path) -> bool:
    """Whether a clean stop was asked for."""
    return (folder / "cancel").exists()


def forget_stop(folder: Path) -> None:
    """Forget the wish to stop: it was carried out, or the run starts anew."""
    (folder / "cancel").unlink(missing_ok=True)
