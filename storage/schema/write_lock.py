"""The lock that lets one thread write at a time, and people before work that nobody waits for.

A plain lock would go back to the thread that has just let go of it: a labeller would wait for many
batches of an import.
"""

import threading


class WriteLock:
    """Held by one thread; a background one takes it only when nobody else is waiting."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holder: int | None = None
        self._num_urgent = 0

    def acquire(self, *, background: bool) -> None:
        """Wait for the lock.

        Raises:
            RuntimeError: this thread holds it already.
        """
        me = threading.get_ident()
        if self._holder == me:
            raise RuntimeError("session_scope was entered twice in one thread: pass the session on")
        with self._changed:
            self._num_urgent += not background
            while self._holder is not None or (background and self._num_urgent):
                self._changed.wait()
            self._num_urgent -= not background
            self._holder = me

    def release(self) -> None:
        """Let the next thread take it."""
        with self._changed:
            self._holder = None
            self._changed.notify_all()
