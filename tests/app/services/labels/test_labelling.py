import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from app.services.context import Context, User
from app.services.imports import importing
from app.services.labels import labelling
from app.services.labels.labelling import Edit, Submission
from storage.errors import InputError, StaleError
from storage.importers.importing import ImportOptions
from storage.importing.rolling_back import roll_back_some
from storage.training.snapshots import freeze
from tests.sample_files import jsonl


@pytest.fixture
def pairs(context: Context, user: User, tmp_path) -> None:
    """Four unlabelled pairs."""
    rows = [
        {"prompt": f"Question {n}?", "answer_a": f"First {n}", "answer_b": f"Second {n}"}
        for n in range(4)
    ]
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(jsonl(rows))
    importing.import_source(context, user, importing.ImportSource(str(path)), ImportOptions("test"))


def _answer(pair_id: int, choice: str) -> Submission:
    return Submission(submit_id=uuid.uuid4().hex, pair_id=pair_id, choice=choice)


@pytest.mark.usefixtures("pairs")
def test_the_next_pair_is_fetched_ahead_and_stays_the_same(context: Context, user: User) -> None:
    first = labelling.fetch(context, user)
    second = labelling.submit(context, user, _answer(first.current.pair_id, "left"))
    assert second.current == first.upcoming
    assert second.progress.by_me == 1
    assert second.progress.num_open == 3


@pytest.mark.usefixtures("pairs")
def test_a_reload_brings_the_same_pair_with_the_same_sides(context: Context, user: User) -> None:
    screens = [labelling.fetch(context, user) for _ in range(20)]
    assert all(screen.current == screens[0].current for screen in screens)


@pytest.mark.usefixtures("pairs")
def test_undo_walks_back_as_often_as_one_likes_and_marks_the_verdict(
    context: Context, user: User
) -> None:
    seen = []
    for choice in ("left", "tie", "right"):
        current = labelling.fetch(context, user).current
        seen.append(current)
        labelling.submit(context, user, _answer(current.pair_id, choice))
    for pair, choice in zip(reversed(seen), ("right", "tie", "left"), strict=True):
        back = labelling.undo(context, user).current
        assert (back.pair_id, back.left, back.previous_choice) == (pair.pair_id, pair.left, choice)
    assert "no verdict of yours left" in labelling.undo(context, user).notice


@pytest.mark.usefixtures("pairs")
def test_an_edit_is_chosen_over_its_original(context: Context, user: User) -> None:
    current = labelling.fetch(context, user).current
    edit = Edit(uuid.uuid4().hex, current.pair_id, "left", "A better answer")
    screen = labelling.save_edit(context, user, edit)
    assert screen.current == current  # the pair itself still waits for a verdict
    with context.database.read_scope() as session:
        snapshot = freeze(session)
    (row,) = snapshot.train + snapshot.heldout
    assert row["chosen"][0]["content"] == "A better answer"
    assert row["rejected"][0]["content"] == current.left


@pytest.mark.usefixtures("pairs")
def test_an_unchanged_edit_is_refused(context: Context, user: User) -> None:
    current = labelling.fetch(context, user).current
    with pytest.raises(InputError, match="empty or unchanged"):
        labelling.save_edit(context, user, Edit("id", current.pair_id, "right", current.right))


@pytest.mark.usefixtures("pairs")
def test_a_pair_that_is_not_held_cannot_be_edited_or_judged(context: Context, user: User) -> None:
    labelling.fetch(context, user)
    with pytest.raises(StaleError):
        labelling.save_edit(context, user, Edit("id", 4, "right", "text"))
    with pytest.raises(StaleError):
        labelling.submit(context, user, _answer(4, "left"))


@pytest.mark.usefixtures("pairs")
def test_an_empty_queue_says_so_and_skipped_pairs_can_come_back(
    context: Context, user: User
) -> None:
    while (current := labelling.fetch(context, user).current) is not None:
        screen = labelling.submit(context, user, _answer(current.pair_id, "skip"))
    assert screen.progress.num_skipped == 4
    assert labelling.reopen_skipped(context, user).current is not None


@pytest.mark.usefixtures("pairs")
def test_a_verdict_on_a_pair_that_was_rolled_back_lands_on_no_other(
    context: Context, user: User, tmp_path: Path
) -> None:
    shown = labelling.fetch(context, user).current
    with context.database.session_scope() as session:
        while roll_back_some(session, 1):
            pass
    importing.import_source(
        context, user, importing.ImportSource(str(tmp_path / "pairs.jsonl")), ImportOptions("again")
    )
    assert labelling.fetch(context, user).current.pair_id != shown.pair_id
    with pytest.raises(StaleError, match="not in the labelling queue"):
        labelling.submit(context, user, _answer(shown.pair_id, "left"))
    assert labelling.fetch(context, user).progress.by_me == 0


@pytest.mark.usefixtures("pairs")
def test_a_verdict_names_what_it_is_on_and_lands_on_nothing_else(
    context: Context, user: User
) -> None:
    screen = labelling.fetch(context, user)
    mixed_up = replace(_answer(screen.current.pair_id, "left"), shown=screen.upcoming.shown)
    with pytest.raises(StaleError, match="Nothing was stored"):
        labelling.submit(context, user, mixed_up)
    assert labelling.fetch(context, user) == screen
    right = replace(mixed_up, shown=screen.current.shown)
    assert labelling.submit(context, user, right).progress.by_me == 1
