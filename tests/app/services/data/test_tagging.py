"""Tags changed on all prompts that were found: all of them, in steps, and counted before."""

import pytest

from app.services.data import browsing, tagging
from app.services.context import Context
from storage.importing import writing
from storage.errors import InputError


def test_all_found_prompts_are_changed_in_steps(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tagging, "ROWS_AT_ONCE", 2)
    with context.database.session_scope() as session:
        writing.import_text(session, "One\nTwo\nThree\nFour\nFive", source="mine")
        writing.import_text(session, "Six", source="other")
    mine = browsing.read_filter("prompts", "", {"source": "mine"})
    assert tagging.num_prompts(context, mine) == 5
    adding = tagging.read_change(" new ", adds=True)
    assert list(tagging.change_all(context, mine, adding)) == [(2, 2), (4, 4), (5, 5)]
    tagged = browsing.read_filter("prompts", "", {"tag": "new"})
    assert tagging.num_prompts(context, tagged) == 5
    removing = tagging.read_change("new", adds=False)
    assert list(tagging.change_all(context, tagged, removing))[-1] == (5, 5)
    assert tagging.num_prompts(context, tagged) == 0


def test_no_tag_is_refused() -> None:
    with pytest.raises(InputError, match="No tag is given"):
        tagging.read_change("  ", adds=True)
