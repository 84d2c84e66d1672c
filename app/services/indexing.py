"""Keep the search index up to date from a thread, beside everything else.

Each step is one short transaction; between two, others get their turn for as long as the step took.
While a file is brought in the index waits: the import is what somebody is waiting for.
"""

import logging
import threading
import time

from app.services.context import Context
from storage import imports, text_index
from storage.enums import Searched

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5


class SearchIndexer:
    """The thread that puts new texts into the search index."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="search-index", daemon=True)

    def start(self) -> None:
        """Go on from where the index was when the server ended."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the step that is being made."""
        self._stopping.set()
        self._thread.join(timeout=10)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                pause = self.step()
            except Exception:
                # A full disk must not end the thread: a later step tries again.
                logger.exception("Could not go on with the search index; trying again.")
                pause = 10 * POLL_SECONDS
            self._stopping.wait(pause)

    def step(self) -> float:
        """Index some texts if there are any; return how many seconds to pause."""
        waiting = self._waiting()
        if waiting is None:
            return POLL_SECONDS
        started = time.monotonic()
        with self._context.database.session_scope() as session:
            text_index.index_some(session, waiting)
        return time.monotonic() - started

    def _waiting(self) -> Searched | None:
        """What has texts to be indexed; None also while an import has not ended."""
        with self._context.database.read_scope() as session:
            if imports.unfinished(session):
                return None
            return next(
                (kind for kind in Searched if text_index.num_not_indexed(session, kind)), None
            )
