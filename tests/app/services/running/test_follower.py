"""The follower: events once, whoever restarts; the queue in its order; the dead are noticed."""

import os
import shutil

import pytest

from app.services.context import Context, User
from app.services.running import runs
from app.services.running.follower import RunFollower
from storage.enums import RunKind, RunStatus
from tests.app.services.running.conftest import Queue, Worker
from tests.waiting import wait_until

LOSS = {"loss": 0.5}


def _curve(context: Context, run_id: int) -> list[tuple[int, float]]:
    return runs.run_view(context, run_id).curves.get("loss", [])


def test_each_event_is_taken_in_once_also_by_the_follower_of_a_restarted_server(
    context: Context, queue: Queue
) -> None:
    worker = Worker(context, queue(RunKind.DPO))
    with worker.alive() as events:
        for step in range(1, 7):
            events.write("metrics", step=step, values=LOSS)
            RunFollower(context).step()
            RunFollower(context).step()
            assert _curve(context, worker.run_id) == [(n, 0.5) for n in range(1, step + 1)]
        assert worker.row().status is RunStatus.RUNNING


def test_an_event_that_is_half_written_waits_for_its_other_half(
    context: Context, queue: Queue
) -> None:
    worker, follower = Worker(context, queue(RunKind.DPO)), RunFollower(context)
    with worker.alive() as events:
        events.write("metrics", step=1, values=LOSS)
        file = worker.folder / "events.jsonl"
        whole = file.read_bytes()
        file.write_bytes(whole[:-9])
        follower.step()
        assert _curve(context, worker.run_id) == []
        file.write_bytes(whole)
        follower.step()
        assert _curve(context, worker.run_id) == [(1, 0.5)]


def test_a_worker_that_ends_between_two_looks_has_its_last_event_taken_in(
    context: Context, queue: Queue
) -> None:
    worker = Worker(context, queue(RunKind.GENERATE))
    row = worker.finish(pairs=0)
    assert (row.status, row.error) == (RunStatus.FINISHED, None)


@pytest.mark.parametrize(
    ("hangs", "status"), [(False, RunStatus.RUNNING), (True, RunStatus.FINISHED)]
)
def test_a_worker_that_is_leaving_is_waited_for_unless_it_hangs(
    context: Context, queue: Queue, hangs: bool, status: RunStatus
) -> None:
    worker = Worker(context, queue(RunKind.GENERATE))
    with worker.alive() as events:
        events.write("finished", summary={"pairs": 0})
        if hangs:  # it has said so long ago, and its process is still there
            os.utime(worker.folder / "events.jsonl", (0, 0))
        RunFollower(context).step()
        assert worker.row().status is status


def test_a_worker_that_ended_without_a_word_has_failed_with_its_last_output(
    context: Context, queue: Queue
) -> None:
    worker = Worker(context, queue(RunKind.DPO))
    with worker.alive() as events:
        events.write("started")
    (worker.folder / "worker.log").write_text("loading\nKilled\n")
    RunFollower(context).step()
    row = worker.row()
    assert row.status is RunStatus.FAILED
    assert row.error is not None
    assert "it ended without a word" in row.error
    assert 'Its last words: "loading\nKilled"' in row.error


def test_nothing_is_started_while_a_run_is_carried_out(context: Context, queue: Queue) -> None:
    first, second = Worker(context, queue(RunKind.DPO)), Worker(context, queue(RunKind.DPO))
    with first.alive():
        RunFollower(context).step()
        assert second.row().status is RunStatus.QUEUED
        waits = runs.run_view(context, second.run_id).waiting_for
    assert waits == "Waits for run 1: one run at a time fits this device."


@pytest.mark.parametrize("ending", ["failed", "cancelled"])
def test_a_run_whose_predecessor_did_not_finish_fails_and_says_why(
    context: Context, queue: Queue, ending: str
) -> None:
    first = Worker(context, queue(RunKind.SFT))
    second = Worker(context, queue(RunKind.DPO, after_run_id=first.run_id))
    with first.alive() as events:
        events.write(ending, message="The loss is not finite.")
    follower = RunFollower(context)
    follower.step()
    row = second.row()
    assert (row.status, row.started_at) == (RunStatus.FAILED, None)
    assert row.error == (
        f"Run 1, from whose result it starts, ended as {ending}. Start both again."
    )
    assert row.ended_at is not None


def test_a_run_whose_predecessor_is_taken_out_of_the_queue_fails_too(
    context: Context, user: User, queue: Queue
) -> None:
    first = queue(RunKind.SFT)
    second = Worker(context, queue(RunKind.DPO, after_run_id=first))
    third = Worker(context, queue(RunKind.EXPORT, after_run_id=second.run_id))
    runs.stop_run(context, user, first)
    RunFollower(context).step()
    assert [worker.row().status for worker in (second, third)] == [RunStatus.FAILED] * 2


def test_the_next_run_in_the_queue_is_started_by_a_real_worker(
    context: Context, queue: Queue
) -> None:
    # Nobody can carry this kind out yet: the worker says so and ends without an event.
    worker, follower = Worker(context, queue(RunKind.LABEL)), RunFollower(context)
    follower.step()
    assert worker.row().status is RunStatus.RUNNING

    def has_ended() -> bool:
        follower.step()
        return worker.row().status.has_ended

    wait_until(has_ended, what="the end of the worker")
    assert worker.row().status is RunStatus.FAILED
    assert "Runs of the kind label cannot be carried out yet." in (worker.row().error or "")


def test_a_worker_that_cannot_be_started_is_a_failed_run_and_the_queue_goes_on(
    context: Context, queue: Queue
) -> None:
    lost, waiting = Worker(context, queue(RunKind.DPO)), Worker(context, queue(RunKind.DPO))
    shutil.rmtree(lost.folder)
    RunFollower(context).step()
    row = lost.row()
    assert row.status is RunStatus.FAILED
    assert "The worker could not be started" in (row.error or "")
    assert waiting.row().status is RunStatus.QUEUED
