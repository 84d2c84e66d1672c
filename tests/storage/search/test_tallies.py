"""Numbers that are kept say at any time what counting the rows would say."""

import json
import random
import uuid
from pathlib import Path

import pytest
from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from storage.clock import utc_now
from storage.enums import PairOrigin, TallyKind, Verdict
from storage.errors import NotFoundError, StaleError
from storage.importers.importing import ImportOptions, file_reading
from storage.importing.rolling_back import roll_back_some
from storage.importing.verdict_writing import Marks
from storage.importing.writing import store
from storage.labelling import queue
from storage.labelling.history import count_again, withdraw_labeller, withdraw_verdict
from storage.labelling.queue import CHOICES, Submission
from storage.labelling.verdicts import active, decided
from storage.schema.database import Database
from storage.schema.tables import Claim, Pair, Preference, Prompt, VerdictTally
from storage.search import tallies
from tests.storage.conftest import Judge, MakeLabeller, MakePairs

ByLabeller = dict[tuple[int, Verdict, str], int]


def _counted(session: Session) -> tuple[dict[TallyKind, int], ByLabeller]:
    queries = {
        TallyKind.PROMPTS: select(func.count(Prompt.id)),
        TallyKind.PAIRS: select(func.count(Pair.id)),
        TallyKind.VERDICTS: select(func.count(Preference.id)),
        TallyKind.LABELLED: select(func.count(Preference.pair_id.distinct())).where(*decided()),
        TallyKind.OPEN: select(func.count(Claim.id)).where(Claim.preference_id.is_(None)),
    }
    left = func.coalesce(cast(Preference.left, String), "")
    key = (Preference.labeller_id, Preference.verdict, left)
    rows = session.execute(select(*key, func.count()).where(*active()).group_by(*key))
    return (
        {kind: session.scalar(query) or 0 for kind, query in queries.items()},
        {(labeller, verdict, left): number for labeller, verdict, left, number in rows},
    )


def _kept(session: Session) -> tuple[dict[TallyKind, int], ByLabeller]:
    rows = session.scalars(select(VerdictTally).where(VerdictTally.number != 0))
    by_labeller = {(row.labeller_id, row.verdict, row.left): row.number for row in rows}
    return tallies.numbers(session), by_labeller


def _row(number: int, winner: str) -> dict[str, str]:
    return {"prompt": f"Q{number}", "answer_a": "yes", "answer_b": f"no {number}", "winner": winner}


def _take_in(database: Database, path: Path, rows: list[dict[str, str]], *, import_id: int) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    options = ImportOptions(path.name)
    for step in file_reading(path, options).steps():
        with database.session_scope() as session:
            store(session, step.prepared, Marks.of(options, import_id))


def _roll_back(database: Database, *, import_id: int) -> None:
    more = True
    while more:
        with database.session_scope() as session:
            more = roll_back_some(session, import_id)


def _one_step(session: Session, draw: random.Random, labellers: list[int]) -> None:
    me, now = draw.choice(labellers), utc_now()
    verdicts = list(session.scalars(select(Preference.id)))
    what = draw.choice(["submit", "submit", "submit", "undo", "withdraw", "again", "reopen", "all"])
    if what == "submit":
        for held in queue.hold(session, me, count=1, now=now):
            submission = Submission(uuid.uuid4().hex, held.pair_id, draw.choice(CHOICES))
            queue.submit(session, me, submission, now=now)
    elif what == "undo":
        queue.undo(session, me, now=now)
    elif what == "withdraw" and verdicts:
        withdraw_verdict(session, draw.choice(verdicts), now=now)
    elif what == "again" and verdicts:
        count_again(session, draw.choice(verdicts))
    elif what == "reopen":
        queue.reopen_skipped(session, me, now=now)
    elif what == "all" and draw.random() < 0.2:
        withdraw_labeller(session, me, now=now)


@pytest.mark.parametrize("seed", range(4))
def test_tallies_equal_the_counts_after_any_history(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller, judge: Judge, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311
    pairs = make_pairs(12)
    labellers = [make_labeller("me"), make_labeller("other")]
    judge(make_pairs(1, origin=PairOrigin.COMPARISON)[0], Verdict.B, labeller_id=labellers[0])
    judge(pairs[0], Verdict.TIE, labeller_id=labellers[1])
    seen = set()
    for _ in range(60):
        with database.session_scope() as session:
            try:
                _one_step(session, draw, labellers)
            except (NotFoundError, StaleError):
                session.rollback()
        with database.read_scope() as session:
            assert _kept(session) == _counted(session)
            seen.add(tallies.numbers(session)[TallyKind.LABELLED])
    assert len(seen) > 3


def test_tallies_follow_an_import_and_its_rolling_back(
    database: Database, tmp_path: Path, make_labeller: MakeLabeller, judge: Judge
) -> None:
    rows = [
        _row(number, winner) for number, winner in enumerate(["a", "b", "tie", "both_bad", ""] * 3)
    ]
    _take_in(database, tmp_path / "first.jsonl", rows[:5], import_id=1)
    with database.read_scope() as session:
        before = _kept(session)
        assert before == _counted(session)
        assert before[0] == {
            TallyKind.PROMPTS: 5,
            TallyKind.PAIRS: 5,
            TallyKind.VERDICTS: 4,
            TallyKind.LABELLED: 4,
            TallyKind.OPEN: 1,
        }
    _take_in(database, tmp_path / "second.jsonl", rows, import_id=2)
    with database.read_scope() as session:
        judged = session.scalars(select(Pair.id).where(Pair.import_id == 2)).first()
        assert _kept(session) == _counted(session)
    assert judged is not None
    judge(judged, Verdict.B, labeller_id=make_labeller("me"))

    _roll_back(database, import_id=2)

    with database.read_scope() as session:
        kept = _kept(session)
        assert kept == _counted(session)
        assert kept[0][TallyKind.PAIRS] == 6  # the one that somebody has judged stays
    _roll_back(database, import_id=1)
    with database.read_scope() as session:
        assert _kept(session) == _counted(session)
        assert tallies.numbers(session)[TallyKind.PAIRS] == 1
