"""Fixtures that several test folders share: data folders and real servers."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.hub_server import WRITER, Hub, serving
from tests.server_process import PROJECT, ServerProcess
from tests.worker_process import kill_worker
from trainer.models import model_source

Serve = Callable[..., ServerProcess]

IS_ONE_OF_SEVERAL = "PYTEST_XDIST_WORKER" in os.environ
MAX_TEST_PROCESSES = 4  # each may have a server, a browser and a training process beside it
SLOW_FILES = (
    "browser/test_whole_loop.py",
    "trainer/runs/test_several_processes.py",
    "browser/test_screenshots.py",
    "end_to_end/test_loop_over_http.py",
    "trainer/runs/test_resume.py",
    "end_to_end/test_faults.py",
)

if IS_ONE_OF_SEVERAL:
    # Threads of test processes beside each other would wait for one another. Read by torch.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


# No example is slow because a neighbour keeps the core busy.
hypothesis.settings.register_profile("beside others", deadline=None)
hypothesis.settings.load_profile("beside others")


def pytest_xdist_auto_num_workers() -> int:
    """How many test processes `-n auto` starts: one a core that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        num_cores = len(os.sched_getaffinity(0))
    else:
        num_cores = os.cpu_count() or 1
    return min(num_cores, MAX_TEST_PROCESSES)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what this machine cannot test."""
    import torch

    if not torch.cuda.is_available():
        terminalreporter.write_line("Left out, as there is no GPU: attention and adapters on one.")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the starter model or a browser by what it asks for: nobody can forget it."""
    for item in items:
        asked = getattr(item, "fixturenames", ())
        if "converted_starter" in asked:
            item.add_marker("starter")
            item.add_marker("slow")
        if "browser" in asked:
            item.add_marker("browser")
    if IS_ONE_OF_SEVERAL:
        _put_long_ones_first(items)


def _put_long_ones_first(items: list[pytest.Item]) -> None:
    """Files are handed out in this order, so that no long one is left when the others are done."""
    ranks = {PROJECT / "tests" / name: rank for rank, name in enumerate(SLOW_FILES)}
    for item in items:
        if item.get_closest_marker("slow"):
            ranks.setdefault(item.path, len(SLOW_FILES))
    items.sort(key=lambda item: ranks.get(item.path, len(SLOW_FILES) + 1))


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub of the test's own, to which the token WRITER may push."""
    with serving() as hub:
        hub.writers.add(WRITER)
        yield hub


@pytest.fixture(scope="session")
def converted_starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose starter model is converted; made once for all test processes."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if IS_ONE_OF_SEVERAL else own) / "starter" / "data"
    command = [sys.executable, "-m", "trainer.models.loading", "--data", str(folder)]
    # Of several at once one converts and the others wait; later ones find it done.
    subprocess.run(command, cwd=PROJECT, check=True, timeout=600)
    return folder


@pytest.fixture
def data_folder(converted_starter: Path, tmp_path: Path) -> Path:
    """A new data folder that holds the converted starter model and nothing else."""
    return _with_starter(converted_starter, tmp_path / "data")


@pytest.fixture(scope="module")
def module_data_folder(converted_starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, shared by the tests of one module."""
    return _with_starter(converted_starter, tmp_path_factory.mktemp("module") / "data")


def _with_starter(converted: Path, folder: Path) -> Path:
    # Hard links: the weights are 270 MB, and nothing ever writes into them.
    shutil.copytree(
        model_source.starter_folder(converted),
        model_source.starter_folder(folder),
        copy_function=os.link,
    )
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium: the system's, else the one that Playwright has fetched."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        # Chromium's sandbox does not start for root, which continuous integration often is.
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        yield chromium
        chromium.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers: `serve(data_folder, *flags)`. They and their workers end with the test."""
    yield from _serving()


@pytest.fixture
def server(serve: Serve, data_folder: Path) -> ServerProcess:
    """A server on a new data folder."""
    return serve(data_folder)


@pytest.fixture(scope="module")
def module_server(module_data_folder: Path) -> Iterator[ServerProcess]:
    """A server that the tests of one module share."""
    serving = _serving()
    yield next(serving)(module_data_folder)
    next(serving, None)


def _serving() -> Iterator[Serve]:
    started: list[ServerProcess] = []

    def start(folder: Path, *flags: str) -> ServerProcess:
        process = ServerProcess(folder, *flags)
        started.append(process)
        return process.start()

    yield start
    for process in started:
        process.stop()
        # Workers outlive their server by design.
        for run in process.data_folder.glob("runs/*"):
            kill_worker(run)
