"""How the worker's C library gives memory back; never imports torch.

A step of training asks for the same blocks again and again. glibc gives large ones back to the
system as soon as they are free, and the system clears each page anew when it is next touched:
on a CPU that takes longer than computing with them.
"""

import contextlib
import ctypes

# Parameters of mallopt(3), from malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Let this process keep and reuse what it frees; nothing happens without glibc.

    One arena for all threads: the backward pass runs in a thread of its own, and would not find
    what the forward pass has freed.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, _NEVER)
