"""Imports beside other work: labelled between batches, cancelled both ways, rolled back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app.services.context import Context, User
from app.services.imports import importing
from app.services.imports.importing import ImportSource
from app.services.labels import labelling
from app.services.labels.labelling import Submission
from storage.enums import ImportStatus
from storage.errors import InputError, StaleError
from storage.importers.importing import ImportOptions, Reading, Step
from storage.schema.tables import Claim, Completion, Pair, Preference, Prompt
from tests.sample_files import jsonl
from tests.waiting import wait_until

TABLES = (Prompt, Completion, Pair, Claim, Preference)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of two rows, so that a short file has several."""
    monkeypatch.setattr("storage.importers.importing.BATCH_SIZE", 2)


class Between:
    """Does something between two batches of every import, once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.work = lambda: None
        steps = Reading.steps

        def with_work(reading: Reading, **given: Any) -> Iterator[Step]:
            for number, step in enumerate(steps(reading, **given)):
                if number == 2:
                    self.work()
                yield step

        monkeypatch.setattr(Reading, "steps", with_work)


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Between:
    return Between(monkeypatch)


def _file(folder: Path, *, verdicts: bool, num_rows: int = 10) -> Path:
    winner = {"winner": "a"} if verdicts else {}
    rows = [
        {"prompt": f"Q{n}", "answer_a": f"one {n}", "answer_b": f"two {n}", **winner}
        for n in range(num_rows)
    ]
    path = folder / f"rows-{verdicts}-{num_rows}.jsonl"
    path.write_bytes(jsonl(rows))
    return path


def _sizes(context: Context) -> list[int]:
    with context.database.read_scope() as session:
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES]


def _import(context: Context, user: User, path: Path) -> None:
    importing.import_source(context, user, importing.ImportSource(str(path)), ImportOptions("file"))


def _label_one(context: Context, user: User) -> int:
    screen = labelling.fetch(context, user)
    assert screen.current is not None
    pair_id = screen.current.pair_id
    labelling.submit(context, user, Submission(f"submit-{pair_id}", pair_id, "left"))
    return pair_id


def test_a_pair_can_be_labelled_between_two_batches(
    context: Context, user: User, tmp_path: Path, between: Between
) -> None:
    labelled: list[int] = []
    between.work = lambda: labelled.append(_label_one(context, user))
    _import(context, user, _file(tmp_path, verdicts=False))
    assert len(labelled) == 1
    assert _sizes(context) == [10, 20, 10, 10, 1]


def test_a_cancelled_import_keeps_what_is_in(
    context: Context, user: User, tmp_path: Path, between: Between
) -> None:
    between.work = lambda: importing.cancel_import(context, user, 1, keep=True)
    _import(context, user, _file(tmp_path, verdicts=True))
    view = importing.latest_import(context)
    assert view is not None
    assert view.status is ImportStatus.KEPT
    assert view.report is not None
    assert view.report.num_pairs == _sizes(context)[2] == 6


def test_a_cancelled_import_can_be_rolled_back(
    context: Context, user: User, tmp_path: Path, between: Between
) -> None:
    _import(context, user, _file(tmp_path, verdicts=True, num_rows=3))
    before = _sizes(context)
    between.work = lambda: importing.cancel_import(context, user, 2, keep=False)
    with pytest.raises(InputError, match="cancelled"):
        _import(context, user, _file(tmp_path, verdicts=True))
    assert _sizes(context) == before


def test_rolling_back_keeps_what_a_person_has_judged(
    context: Context, user: User, tmp_path: Path, between: Between
) -> None:
    def label_and_cancel() -> None:
        _label_one(context, user)
        importing.cancel_import(context, user, 1, keep=False)

    between.work = label_and_cancel
    with pytest.raises(InputError, match="cancelled"):
        _import(context, user, _file(tmp_path, verdicts=False))
    assert _sizes(context) == [1, 2, 1, 1, 1]


def test_verdicts_on_pairs_that_were_there_before_are_rolled_back(
    context: Context, user: User, tmp_path: Path, between: Between
) -> None:
    _import(context, user, _file(tmp_path, verdicts=False))
    before = _sizes(context)
    between.work = lambda: importing.cancel_import(context, user, 2, keep=False)
    with pytest.raises(InputError, match="cancelled"):
        _import(context, user, _file(tmp_path, verdicts=True))
    assert _sizes(context) == before
    with context.database.read_scope() as session:
        assert set(session.scalars(select(Claim.preference_id))) == {None}


def test_a_file_that_breaks_off_is_rolled_back_with_its_reason(
    context: Context, user: User, tmp_path: Path
) -> None:
    import gzip

    whole = gzip.compress(_file(tmp_path, verdicts=True, num_rows=4000).read_bytes())
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged or cut off"):
        _import(context, user, path)
    assert _sizes(context) == [0, 0, 0, 0, 0]


def test_an_import_that_has_ended_cannot_be_cancelled(
    context: Context, user: User, tmp_path: Path
) -> None:
    _import(context, user, _file(tmp_path, verdicts=True))
    with pytest.raises(StaleError, match="has ended"):
        importing.cancel_import(context, user, 1, keep=False)


def test_an_import_in_the_background_says_how_far_it_is(
    context: Context, user: User, tmp_path: Path
) -> None:
    source = ImportSource(str(_file(tmp_path, verdicts=True)))
    importing.start_import(context, user, source, ImportOptions("file"))

    def ended() -> bool:
        view = importing.latest_import(context)
        return view is not None and view.status.has_ended

    wait_until(ended, what="the end of the import", timeout=30)
    view = importing.latest_import(context)
    assert view is not None
    assert (view.status, view.share) == (ImportStatus.FINISHED, 1.0)
