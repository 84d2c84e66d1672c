"""Starts the processes that accelerate was asked for, where it starts one of them alone.

`accelerate launch --num_processes 2` starts two where it finds two GPUs. Without any it starts one
process and says nothing; its flag for CPUs wants MPI. That one process then makes way for torch's
own launcher, which starts them all. Imports torch only there.
"""

import os
import re
import sys
from typing import NoReturn

import psutil

_NUM_PROCESSES = re.compile(r"--num[_-]processes(?:=|\0)(\d+)\0")


def num_asked_for() -> int:
    """Processes that accelerate's launcher was asked for if it started this one alone, else 1."""
    if "WORLD_SIZE" in os.environ or "ACCELERATE_MIXED_PRECISION" not in os.environ:
        return 1
    launcher = psutil.Process().parent()
    words = [] if launcher is None else launcher.cmdline()
    asked = _NUM_PROCESSES.search("".join(f"{word}\0" for word in words))
    return int(asked.group(1)) if asked else 1


def start_all(num_processes: int) -> NoReturn:
    """Go on as a launcher that runs this process's own command so many times on CPUs."""
    flags = ["--multi_gpu", "--num_processes", str(num_processes), "--main_process_port", "0"]
    launcher = [sys.executable, "-m", "accelerate.commands.launch", *flags, *sys.orig_argv[1:]]
    os.execv(sys.executable, launcher)  # noqa: S606 - no shell is wanted
