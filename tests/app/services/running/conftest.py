"""Runs whose worker is the test itself: it holds the lock and writes the events of a real one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.services.context import Context, User
from app.services.running.follower import RunFollower
from app.services.tuning.training import queue_run
from storage.enums import RunKind, RunStatus
from storage.schema.tables import Run
from storage.training import runs as run_rows
from storage.training.runs import NewRun
from trainer.runs.event_log import EventWriter
from trainer.runs.lock import worker_lock
from trainer.runs.manifest import write_manifest

Queue = Callable[..., int]


class Worker:
    """Works on one run as `python -m trainer` would, as far as others can see."""

    def __init__(self, context: Context, run_id: int) -> None:
        self._context = context
        self.run_id = run_id
        self.folder: Path = context.runs_folder / self.row().folder

    def row(self) -> Run:
        """The run as the database has it."""
        with self._context.database.read_scope() as session:
            return run_rows.get_run(session, self.run_id)

    @contextmanager
    def alive(self) -> Iterator[EventWriter]:
        """Be started, and hold the lock until the end of the block."""
        with self._context.database.session_scope() as session:
            run_rows.set_status(session, self.run_id, RunStatus.RUNNING)
        with worker_lock(self.folder):
            yield EventWriter(self.folder)

    def save(self, name: str, **manifest: Any) -> str:
        """Leave an adapter or a model in the run folder; returns its name there."""
        (self.folder / name).mkdir()
        (self.folder / name / "config.json").write_text("{}")
        write_manifest(self.folder / name, {"holds": name, **manifest})
        return name

    def finish(self, **summary: Any) -> Run:
        """Be started and finish at once, and be followed to the end."""
        with self.alive() as events:
            events.write("started")
            events.write("finished", summary=summary)
        RunFollower(self._context).step()
        return self.row()


@pytest.fixture
def queue(context: Context, user: User) -> Queue:
    """`queue(RunKind.DPO)` writes a run's row and its folder; returns its id."""

    def queue(kind: RunKind, **fields: Any) -> int:
        new = NewRun(kind, kind.value, "starter", started_by=user.name, **fields)
        with context.database.session_scope() as session:
            return queue_run(context, session, new, {}).id

    return queue
