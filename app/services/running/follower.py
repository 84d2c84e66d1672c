"""Follow the runs: take their events in exactly once, start what waits, and notice the dead.

One thread of the web process does this, so that all writing stays in one process. It keeps no
state of its own: after a restart of the server it goes on from the database and the run folders.
"""

import logging
import time
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.services.context import Context
from app.services.repeating import Repeating
from app.services.running.take_in import take_in
from storage.enums import RunStatus
from storage.schema.tables import Run
from storage.training import runs as run_rows
from trainer.runs import launch
from trainer.runs.event_log import ENDINGS, read_events

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
LEAVING_SECONDS = 30.0


class RunFollower(Repeating):
    """The thread that keeps the runs table true to the run folders.

    It begins with the workers that outlived the last server; when it stops, they go on.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(self.step, name="run-follower", pause_after_error=POLL_SECONDS)
        self._context = context

    def step(self) -> float:
        """Take in what the running workers have written, then start the next run if none runs."""
        with self._context.database.read_scope() as session:
            running = [run.id for run in run_rows.runs_in_state(session, RunStatus.RUNNING)]
            queued = [run.id for run in run_rows.runs_in_state(session, RunStatus.QUEUED)]
        still_running = [self._follow(run_id) for run_id in running]
        if queued and not any(still_running):
            self._start_next(queued)
        return POLL_SECONDS

    def _follow(self, run_id: int) -> bool:
        """Take in new events of one run; say whether it is still running."""
        with self._context.database.read_scope() as session:
            run = run_rows.get_run(session, run_id)
        folder = self._context.runs_folder / run.folder
        # Asked before reading: a worker that ends in between has written its last event by then.
        alive = launch.is_alive(folder)
        events, end = read_events(folder, run.events_offset)
        if alive and (not events or _is_leaving(folder, events[-1])):
            return True
        with self._context.database.session_scope() as session:
            row = run_rows.get_run(session, run_id)
            run_rows.advance_events(session, run_id, from_offset=run.events_offset, to_offset=end)
            take_in(session, row, events, folder=folder)
            if row.status is RunStatus.RUNNING and not alive:
                run_rows.set_status(
                    session, run_id, RunStatus.FAILED, error=_reason_of_death(folder)
                )
            return not row.status.has_ended

    def _start_next(self, queued: list[int]) -> None:
        for run_id in queued:
            with self._context.database.session_scope() as session:
                run = run_rows.get_run(session, run_id)
                if _give_up_if_orphaned(session, run):
                    continue
                if run.after_run_id and not _has_finished(session, run.after_run_id):
                    continue
                self._launch(session, run)
                return

    def _launch(self, session: Session, run: Run) -> None:
        folder = self._context.runs_folder / run.folder
        try:
            # A server killed right after a launch finds the worker here, still queued in the table.
            if not launch.is_alive(folder):
                launch.start(folder, device=self._context.settings.device)
        except OSError as error:
            run_rows.set_status(
                session,
                run.id,
                RunStatus.FAILED,
                error=f"The worker could not be started ({error}). Start the run again.",
            )
            return
        run_rows.set_status(session, run.id, RunStatus.RUNNING)


def _reason_of_death(folder: Path) -> str:
    tail = launch.log_tail(folder, 3).strip()
    ending = f' Its last words: "{tail}"' if tail else ""
    return (
        "The worker was killed, or the machine ran out of memory: it ended without a word. "
        f"Resume the run, or start it again with a smaller batch.{ending}"
    )


def _has_finished(session: Session, run_id: int) -> bool:
    return run_rows.get_run(session, run_id).status == RunStatus.FINISHED


def _is_leaving(folder: Path, last: dict[str, Any]) -> bool:
    """Whether a living worker has just said how its run ended, as its `last` event.

    Until it has gone it has its memory and its lock, and no other could go on with the run. One
    that hangs at its exit is not waited for.
    """
    seconds = time.time() - (folder / "events.jsonl").stat().st_mtime
    return last.get("type") in ENDINGS and seconds < LEAVING_SECONDS


def _give_up_if_orphaned(session: Session, run: Run) -> bool:
    """Fail a queued run whose predecessor cannot deliver what it waits for."""
    if not run.after_run_id:
        return False
    before = run_rows.get_run(session, run.after_run_id)
    if before.status not in (RunStatus.FAILED, RunStatus.CANCELLED):
        return False
    reason = (
        f"Run {before.id}, from whose result it starts, ended as {before.status.value}. "
        "Start both again."
    )
    run_rows.set_status(session, run.id, RunStatus.FAILED, error=reason)
    return True
