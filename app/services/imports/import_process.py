"""Reads what is to be imported in a process of its own, so that the server goes on answering.

The process understands the rows and prepares them; the server only stores them. It is told what to
read on its input, and answers on its output with one pickle a step; both ends are this module, and
no file's content is ever unpickled. Knows nothing of the server: it has to start quickly.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass

from app.services.imports.import_source import ImportSource, open_reading
from storage.errors import InputError
from storage.importers.importing import ImportOptions, NothingUsable, Step
from trainer import PROJECT

# A smaller file is read sooner than a process starts.
SMALL_BYTES = 500_000


@dataclass(frozen=True)
class _Request:
    source: ImportSource
    options: ImportOptions
    max_rows: int | None


@dataclass(frozen=True)
class _Refusal:
    """The last answer of a process that could not go on; None stands for an ordinary end."""

    message: str
    columns: list[str] | None = None
    """Of a source that has rows, but none that can be used."""

    def error(self) -> InputError:
        """What it was in the process."""
        if self.columns is None:
            return InputError(self.message)
        return NothingUsable(self.message, self.columns)


def read_steps(
    source: ImportSource, options: ImportOptions, *, max_rows: int | None = None
) -> Generator[Step, None, None]:
    """Yield what is understood of a source, or only of its first rows, step by step.

    Raises:
        InputError: it cannot be read, or no row of it can be used.
    """
    if source.is_small(SMALL_BYTES):
        yield from open_reading(source, options).steps(max_rows=max_rows)
    else:
        yield from _steps_of_process(_Request(source, options, max_rows))


def _steps_of_process(request: _Request) -> Iterator[Step]:
    command = [sys.executable, "-m", "app.services.imports.import_process"]
    # In a group of its own: Ctrl-C reaches the server alone, which then ends the whole group.
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield from _answers(process, request)
        finally:
            # Also after an ordinary end: a library may have left a process behind.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _answers(process: subprocess.Popen[bytes], request: _Request) -> Iterator[Step]:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both are pipes")
    with suppress(BrokenPipeError), process.stdin as to:
        pickle.dump(request, to)
    while True:
        try:
            answer = pickle.load(process.stdout)  # noqa: S301 - written by _serve alone
        except (EOFError, pickle.UnpicklingError):
            raise InputError(
                f"Reading {request.source.name} ended in the middle, perhaps for want of memory. "
                "Nothing of it was kept. Try it again, or cut it into smaller files."
            ) from None
        if answer is None:
            return
        if isinstance(answer, _Refusal):
            raise answer.error()
        yield answer


def _serve() -> None:
    """Read what the input asks for, and write the steps to the output."""
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    request: _Request = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by _answers alone
    end: _Refusal | None = None
    with suppress(BrokenPipeError), answers:
        try:
            reading = open_reading(request.source, request.options)
            for step in reading.steps(max_rows=request.max_rows):
                pickle.dump(step, answers, pickle.HIGHEST_PROTOCOL)
                answers.flush()
        except InputError as error:
            end = _Refusal(str(error), getattr(error, "columns", None))
        pickle.dump(end, answers)


if __name__ == "__main__":
    # Under its own name, as the answers' classes would otherwise be those of "__main__".
    from app.services.imports import import_process

    import_process._serve()
