"""A thread of the server that takes one step after the other, until the server ends."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Repeating:
    """Takes `step`, which returns the seconds to pause after it, again and again."""

    def __init__(self, step: Callable[[], float], *, name: str, pause_after_error: float) -> None:
        self._step = step
        self._name = name
        self._pause_after_error = pause_after_error
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        """Begin with the first step."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the step that is being taken."""
        self._stopping.set()
        self._thread.join(timeout=10)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                pause = self._step()
            except Exception:
                # A full disk or a locked file must not end the thread: a later step tries again.
                logger.exception("The thread %s could not go on; trying again.", self._name)
                pause = self._pause_after_error
            self._stopping.wait(pause)
