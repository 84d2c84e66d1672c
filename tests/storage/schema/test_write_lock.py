"""Who writes next: somebody who waits for an answer goes before work in many small steps."""

import threading
import time

import pytest

from storage.schema.write_lock import WriteLock
from tests.waiting import wait_until


def test_background_work_lets_everybody_else_go_first() -> None:
    lock, order = WriteLock(), []

    def write(name: str, *, background: bool) -> None:
        lock.acquire(background=background)
        order.append(name)
        lock.release()

    lock.acquire(background=True)
    threads = [threading.Thread(target=write, args=("import",), kwargs={"background": True})]
    threads += [
        threading.Thread(target=write, args=("labeller",), kwargs={"background": False})
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
        time.sleep(0.05)  # the background one waits the longest
    lock.release()
    for thread in threads:
        thread.join()
    assert order == ["labeller"] * 3 + ["import"]


def test_work_that_never_pauses_cannot_keep_others_out() -> None:
    lock, stopping, num_batches = WriteLock(), threading.Event(), [0]

    def work() -> None:
        while not stopping.is_set():
            lock.acquire(background=True)
            time.sleep(0.01)
            num_batches[0] += 1
            lock.release()

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: num_batches[0] > 0, what="the first batch", timeout=10)
    waits = []
    for _ in range(20):
        before = num_batches[0]
        lock.acquire(background=False)
        waits.append(num_batches[0] - before)
        lock.release()
        time.sleep(0.002)
    stopping.set()
    thread.join()
    assert max(waits) <= 1


def test_thread_that_holds_it_cannot_wait_for_itself() -> None:
    lock = WriteLock()
    lock.acquire(background=False)
    with pytest.raises(RuntimeError, match="twice"):
        lock.acquire(background=True)
    lock.release()
    lock.acquire(background=True)
    lock.release()
