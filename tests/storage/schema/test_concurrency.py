"""Many at once: no double grant, no "locked", one row a submission, no loss to kill -9."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select, text

from storage.clock import utc_now
from storage.labelling.preferences import counts
from storage.labelling.queue import Submission, hold, submit
from storage.schema.database import Database, open_database
from storage.schema.tables import Preference
from storage.settings import Settings
from tests.storage.conftest import MakeLabeller, MakePairs

WRITER = Path(__file__).with_name("writer_process.py")


def _all_at_once(num_threads: int, work: Callable[[int], None]) -> list[Exception]:
    failures: list[Exception] = []
    start = threading.Barrier(num_threads)

    def run(number: int) -> None:
        start.wait()
        try:
            work(number)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(num_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_sixteen_annotators_share_300_pairs_without_a_double_grant(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    pairs = make_pairs(300)
    labellers = [make_labeller(f"annotator {number}") for number in range(16)]
    granted: list[tuple[int, int]] = []

    def label_until_empty(number: int) -> None:
        me, turn = labellers[number], 0
        while True:
            with database.session_scope() as session:
                held = hold(session, me, count=2, now=utc_now())
            if not held:
                return
            granted.extend((pair.pair_id, me) for pair in held)
            turn += 1
            answer = Submission(f"{me}-{turn}", held[0].pair_id, "left")
            with database.session_scope() as session:
                submit(session, me, answer, now=utc_now())

    assert _all_at_once(16, label_until_empty) == []
    holders = Counter(pair_id for pair_id, _ in set(granted))
    assert sorted(holders) == pairs
    assert max(holders.values()) == 1
    with database.read_scope() as session:
        assert session.scalar(select(func.count(Preference.id))) == 300
        assert counts(session).num_open == 0


def test_200_doubled_submissions_store_200_rows(
    database: Database, make_pairs: MakePairs, make_labeller: MakeLabeller
) -> None:
    pairs, me = make_pairs(200), make_labeller("me")
    with database.session_scope() as session:
        hold(session, me, count=200, now=utc_now())
    stored: list[tuple[str, int]] = []

    def send_half(number: int) -> None:
        # Threads n and n + 8 send the same submissions.
        for pair_id in pairs[number % 8 :: 8]:
            with database.session_scope() as session:
                answer = Submission(f"once-{pair_id}", pair_id, "right")
                row = submit(session, me, answer, now=utc_now())
                stored.append((row.submit_id, row.id))

    assert _all_at_once(16, send_half) == []
    assert len(stored) == 400
    assert len(set(stored)) == 200
    with database.read_scope() as session:
        assert session.scalar(select(func.count(Preference.id))) == 200


def test_kill_9_of_a_writer_loses_no_acknowledged_row(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path / "data")
    open_database(settings).close()
    acknowledged: set[str] = set()
    for kill in range(4):
        writer = subprocess.Popen(
            [sys.executable, str(WRITER), str(settings.data_folder), str(kill)],
            cwd=Path(__file__).parents[3],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(0.1 + 0.07 * kill)
        os.kill(writer.pid, signal.SIGKILL)
        lines = writer.stdout.read().split("\n")
        writer.wait(timeout=60)
        acknowledged.update(lines[:-1])  # the last one was cut off, or is empty
    assert len(acknowledged) > 4
    database = open_database(settings)
    with database.read_scope() as session:
        assert session.scalar(text("PRAGMA integrity_check")) == "ok"
        assert acknowledged <= set(session.scalars(select(Preference.submit_id)))
    database.close()
