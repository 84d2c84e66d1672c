"""Keep the search index up to date from a thread, beside everything else.

Each step is one short transaction; between two, others get their turn for as long as the step took.
While a file is brought in the index waits: the import is what somebody is waiting for.
"""

import time

from app.services.context import Context
from app.services.repeating import Repeating
from storage.importing import imports
from storage.search import text_index
from storage.enums import Searched

POLL_SECONDS = 0.5


class SearchIndexer(Repeating):
    """The thread that puts new texts into the search index; it goes on from where it was."""

    def __init__(self, context: Context) -> None:
        super().__init__(self.step, name="search-index", pause_after_error=10 * POLL_SECONDS)
        self._context = context

    def step(self) -> float:
        """Index some texts if there are any; return how many seconds to pause."""
        waiting = self._waiting()
        if waiting is None:
            return POLL_SECONDS
        started = time.monotonic()
        with self._context.database.session_scope(background=True) as session:
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
