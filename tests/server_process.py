"""The real `python app.py` as a process, to be stopped, killed and started again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.http_api import Api, free_port
from tests.waiting import wait_until

PROJECT = Path(__file__).resolve().parent.parent
START_TIMEOUT_SECONDS = 90


class ServerProcess:
    """One server on one data folder; `start` may be called again after `stop` or `kill`."""

    def __init__(self, data_folder: Path, *flags: str) -> None:
        self.data_folder = data_folder
        self.flags = flags
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = data_folder.parent / f"{data_folder.name}-server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def api(self) -> Api:
        """A new caller of this server."""
        return Api(self.url)

    @property
    def log(self) -> str:
        """All that the server printed, over all its starts."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> "ServerProcess":
        """Start and wait for the first page."""
        command = [sys.executable, "app.py", "--data", str(self.data_folder)]
        command += ["--port", str(self.port), *self.flags]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PAIRTUNE_")
        }
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        self._wait_for_the_page()
        return self

    def _wait_for_the_page(self) -> None:
        def is_served() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, f"the server ended: {self.log}"
            try:
                return httpx.get(self.url, timeout=START_TIMEOUT_SECONDS).status_code == 200
            except httpx.TransportError:
                return False

        wait_until(is_served, what="the first page", timeout=START_TIMEOUT_SECONDS, pause=0.05)

    def stop(self, *, by: signal.Signals = signal.SIGTERM) -> int:
        """End the server as a person or a service manager would; its exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(by)
        return self._process.wait(timeout=60)

    def kill(self) -> None:
        """End the server without any warning (kill -9)."""
        self.stop(by=signal.SIGKILL)
