"""The lock that a living worker holds, and the wish to stop it."""

import fcntl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trainer.errors import RunLockedError
from trainer.runs.lock import ask_to_stop, forget_stop, is_locked, stop_asked, worker_lock


def test_lock_shows_and_keeps_a_second_worker_out(folder: Path) -> None:
    assert not is_locked(folder)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); "
            "print('held', flush=True); sys.stdin.read()",
            str(folder / "lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    assert is_locked(folder)
    with pytest.raises(RunLockedError, match="Another worker"), worker_lock(folder):
        pass
    holder.kill()
    holder.communicate()
    assert not is_locked(folder)


def test_looking_at_the_lock_does_not_keep_a_worker_out(folder: Path) -> None:
    looking = (folder / "lock").open("a")
    fcntl.flock(looking, fcntl.LOCK_SH)
    threading.Timer(0.3, looking.close).start()
    with worker_lock(folder):
        assert is_locked(folder)


def test_wish_to_stop_can_be_rolled_back(folder: Path) -> None:
    ask_to_stop(folder)
    assert stop_asked(folder)
    forget_stop(folder)
    assert not stop_asked(folder)
