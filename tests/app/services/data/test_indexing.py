"""The thread behind the search: it leaves imports alone, and ends with nothing to do."""

import threading

from app.services.data import browsing
from app.services.context import Context
from app.services.data.indexing import POLL_SECONDS, SearchIndexer
from storage.importing import writing
from storage.importing import imports
from storage.clock import utc_now
from storage.enums import ImportStatus
from tests.waiting import wait_until


def _num_missed(context: Context) -> int:
    wanted = browsing.read_filter("prompts", "two", {})
    return browsing.total(context, "prompts", wanted).num_not_indexed


def test_new_texts_are_indexed_when_the_import_has_ended(context: Context) -> None:
    indexer = SearchIndexer(context)
    with context.database.session_scope() as session:
        import_id = imports.begin(session, source="file", started_by="me")
        writing.import_text(session, "One?\nTwo?\nThree?", source="file")
    assert indexer.step() == POLL_SECONDS
    assert _num_missed(context) == 3
    with context.database.session_scope() as session:
        imports.end(session, import_id, ImportStatus.FINISHED, now=utc_now())
    indexer.step()
    assert _num_missed(context) == 0
    assert indexer.step() == POLL_SECONDS
    found = browsing.page(context, "prompts", browsing.read_filter("prompts", "two", {}))
    assert [row["text"] for row in browsing.to_json(found)] == ["Two?"]


def test_thread_indexes_by_itself_and_stops(context: Context) -> None:
    with context.database.session_scope() as session:
        writing.import_text(session, "One?\nTwo?", source="file")
    indexer = SearchIndexer(context)
    indexer.start()
    wait_until(lambda: _num_missed(context) == 0, what="the index")
    indexer.stop()
    assert "search-index" not in {thread.name for thread in threading.enumerate()}
