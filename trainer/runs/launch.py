"""Starts, watches and stops the worker process of a run; never imports torch.

A worker is alive while it holds the run's lock, and before that while its process is there. The id
alone proves nothing: the system hands ids out again, so the start time has to agree as well.
"""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from trainer import PROJECT
from trainer.runs.lock import ask_to_stop, forget_stop, is_locked

# glibc's allocator, read at a process's start: give no memory back between steps, and take it in
# large pages where Linux leaves that to programs. Else a worker is given its memory page by page
# again and again. Other systems know nothing of it.
_ALLOCATOR = (
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432"
    ":glibc.malloc.trim_threshold=68719476736"
)


def start(folder: Path, *, device: str = "auto") -> int:
    """Start a worker on the run folder and return its process id.

    It lives on when this process ends. Output goes to `worker.log`. An old wish to stop is
    forgotten. When the worker ends it is reaped at once, so no zombie is left.
    """
    forget_stop(folder)
    command = [sys.executable, "-m", "trainer", str(folder.resolve()), "--device", device]
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Noted here too: until the worker holds the lock, this is how it is known to be alive.
    _note_identity(folder, process.pid)
    threading.Thread(target=process.wait, name=f"reap-{process.pid}", daemon=True).start()
    return process.pid


def environment() -> dict[str, str]:
    """What a worker finds in its environment: this process's own, and how to take memory."""
    return {"GLIBC_TUNABLES": _ALLOCATOR, **os.environ}


def is_alive(folder: Path) -> bool:
    """Whether a worker works on the folder, or has just been started on it."""
    if is_locked(folder):
        return True
    identity = _read_identity(folder)
    return identity is not None and _process_start_time(identity[0]) == identity[1]


def stop(folder: Path) -> None:
    """Ask for a clean stop: the step is finished, the adapter saved, then `cancelled`."""
    ask_to_stop(folder)


def log_tail(folder: Path, num_lines: int = 50) -> str:
    """The last lines of the worker's output."""
    try:
        with (folder / "worker.log").open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 400 * num_lines))
            text = log.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-num_lines:])


def write_identity(folder: Path) -> None:
    """Note this process in `worker.json`; called by the worker while it holds the lock."""
    _note_identity(folder, os.getpid())


def _note_identity(folder: Path, pid: int) -> None:
    identity = {
        "pid": pid,
        "start_time": _process_start_time(pid),
        "at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    partial = folder / f"worker.json.{os.getpid()}.partial"
    partial.write_text(json.dumps(identity) + "\n", encoding="utf-8")
    partial.replace(folder / "worker.json")


def _read_identity(folder: Path) -> tuple[int, str] | None:
    try:
        identity = json.loads((folder / "worker.json").read_text(encoding="utf-8"))
        return int(identity["pid"]), str(identity["start_time"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _process_start_time(pid: int) -> str | None:
    """When the process started, as the system knows it; None without such a living process."""
    try:
        # Fields after the command's closing bracket: the state first, and the 22nd of all is the
        # start in clock ticks. A zombie has ended; only its parent has not looked yet.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except OSError:
        if Path("/proc/self").exists():
            return None
    result = subprocess.run(  # a system without /proc
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return result.stdout.strip() or None
