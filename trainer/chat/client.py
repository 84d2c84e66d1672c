"""Talks with the chat process, and keeps one alive. Light: never imports torch.

The protocol is JSON lines. To the process: {"id", "base", "adapter", "conversations", "adapters",
"sampling"} asks, {"id", "stop": true} stops. From the process, each with the "id" asked: the
fields of a ChatEvent, at the end {"done": true}, or {"error": "..."} instead.
"""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from trainer import PROJECT
from trainer.errors import TrainerError
from trainer.options.generation import SamplingOptions

BUSY_SECONDS = 120.0  # how long a request waits for the one before it
END_SECONDS = 5.0  # how long a process may take to end by itself

Conversation = list[dict[str, str]]


@dataclass(frozen=True)
class ChatRequest:
    """Answers to sample in one batch, one row for each conversation."""

    base: str  # "starter", a hub id or a folder
    adapter: str | None  # or a trained full model, as in run.json
    conversations: tuple[Conversation, ...]  # each ends with the user
    adapters: tuple[bool, ...]  # for each row: tuned by it, or the base alone
    sampling: SamplingOptions = field(default_factory=SamplingOptions)  # one seed for all rows


@dataclass(frozen=True)
class ChatEvent:
    """More text of one row; the last event of a row is `finished`."""

    row: int
    text: str  # what was added since the row's last event; may be empty
    finished: bool = False
    finish_reason: str | None = None  # "stop" or "length", when finished
    num_tokens: int | None = None  # of the whole answer, when finished


class ChatClient:
    """One chat process, started at the first request and again when it has died.

    May be used from any thread; requests are answered one after the other.
    """

    def __init__(self, data_folder: Path, device: str = "auto") -> None:
        self._data_folder = data_folder
        self._device = device
        self._turn = threading.Lock()  # held by the request that is being answered
        self._process: subprocess.Popen[bytes] | None = None
        self._base = ""
        self._last_id = 0

    def stream(self, request: ChatRequest) -> Iterator[ChatEvent]:
        """Yield the answers as they come; closing the generator stops the request.

        Raises TrainerError when the process cannot answer, or dies: the next request starts a
        new one.
        """
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise TrainerError("The chat is busy with other answers. Try again in a minute.")
        try:
            yield from self._answer(request)
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the process, also in the middle of an answer."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def _answer(self, request: ChatRequest) -> Iterator[ChatEvent]:
        self._last_id += 1
        number = self._last_id
        before = self._process
        process = self._send(request.base, {"id": number, **asdict(request)})
        has_begun, is_running = False, True
        try:
            for reply in _replies(process):
                if reply.pop("id") != number:
                    continue  # the rest of a request that was stopped
                has_begun, is_running = True, "done" not in reply and "error" not in reply
                if "error" in reply:
                    raise TrainerError(reply["error"])
                if not is_running:
                    return
                yield ChatEvent(**reply)
            is_running = False
        finally:
            if is_running:  # the consumer has closed the generator
                with contextlib.suppress(OSError):
                    _write(process, {"id": number, "stop": True})
        _end(process)
        if has_begun or process is not before:
            raise self._death(process)
        yield from self._answer(request)  # it had died already when the request was sent

    def _send(self, base: str, message: Mapping[str, Any]) -> subprocess.Popen[bytes]:
        """Give the message to a living process that holds the base model."""
        if self._process is not None and (self._base != base or self._process.poll() is not None):
            self.close()
        if self._process is not None:
            try:
                _write(self._process, message)
            except OSError:  # it has died since
                self.close()
            else:
                return self._process
        self._process, self._base = self._start(), base
        _write(self._process, message)
        return self._process

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "trainer.chat.process"]
        command += ["--data", str(self._data_folder.resolve()), "--device", self._device]
        with (self._data_folder / "chat.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=PROJECT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the server; the process ends with its pipe
            )

    def _death(self, process: subprocess.Popen[bytes]) -> TrainerError:
        code = process.returncode
        how = f"it was killed by signal {-code}" if code < 0 else f"it ended with code {code}"
        return TrainerError(
            f"The chat process is gone: {how}, perhaps for lack of memory. Send the prompt again; "
            f"a new process answers it. Its last words are in {self._data_folder / 'chat.log'}."
        )


def _replies(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """What the process says, until it is gone; a line that it left unfinished is dropped."""
    for line in _pipe(process.stdout):
        if line.endswith(b"\n"):
            yield json.loads(line)


def _write(process: subprocess.Popen[bytes], message: Mapping[str, Any]) -> None:
    pipe = _pipe(process.stdin)
    pipe.write(json.dumps(message).encode() + b"\n")
    pipe.flush()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the pipe to the process, which ends it; kill it if it takes too long."""
    with contextlib.suppress(OSError):
        _pipe(process.stdin).close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("the process is always started with pipes")
    return pipe
