"""The chat process: JSON lines in, JSON lines out (the protocol stands in client.py).

`python -m trainer.chat.process --data FOLDER` holds the base model of its first request, and ends
when its standard input is closed. Standard output is for the protocol alone: whatever libraries
print goes to standard error.
"""

import argparse
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from trainer.chat.client import ChatRequest
from trainer.errors import TrainerError
from trainer.models import model_source
from trainer.options.generation import SamplingOptions

if TYPE_CHECKING:
    from trainer.chat.answering import Answerer


def main() -> int:
    """Answer until standard input is closed."""
    parser = argparse.ArgumentParser(prog="python -m trainer.chat.process", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    arguments = parser.parse_args()
    replies = _reserve_standard_output()
    inbox = _Inbox()
    chat = _Chat(arguments.data.resolve(), arguments.device)
    for message in inbox.requests():
        number = message.pop("id")
        for reply in chat.replies(message, is_stopped=partial(inbox.is_stopped, number)):
            replies.write(json.dumps({"id": number, **reply}) + "\n")
            replies.flush()
    return 0


def _reserve_standard_output() -> IO[str]:
    """The real standard output; everything else that writes there goes to standard error."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return replies


class _Inbox:
    """Reads standard input in a thread of its own, so that a stop is seen while answering."""

    def __init__(self) -> None:
        self._requests: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._stopped_id = 0  # this request and all before it are to stop
        self._is_closed = False
        threading.Thread(target=self._read, daemon=True).start()

    def requests(self) -> Iterator[dict[str, Any]]:
        """Requests as they come, until standard input is closed."""
        while (message := self._requests.get()) is not None:
            yield message

    def is_stopped(self, number: int) -> bool:
        """Whether nobody waits for this request any more."""
        return self._is_closed or number <= self._stopped_id

    def _read(self) -> None:
        for line in sys.stdin:
            message = json.loads(line)
            if "stop" in message:
                self._stopped_id = message["id"]
            else:
                self._requests.put(message)
        self._is_closed = True
        self._requests.put(None)


class _Chat:
    """Turns requests into replies; loads the model when the first one comes."""

    def __init__(self, data_folder: Path, device: str) -> None:
        self._data_folder = data_folder
        self._device = device
        self._answerer: Answerer | None = None

    def replies(
        self, message: dict[str, Any], *, is_stopped: Callable[[], bool]
    ) -> Iterator[dict[str, Any]]:
        """The events of one request and `done`, or an `error`: the process lives on."""
        try:
            sampling = SamplingOptions.from_dict(message.pop("sampling")).checked()
            request = ChatRequest(**message, sampling=sampling)
            for event in self._load(request.base).answer(request, is_stopped):
                yield asdict(event)
            yield {"done": True}
        except TrainerError as error:
            yield {"error": str(error)}
        except Exception as error:
            traceback.print_exc()
            name = type(error).__name__
            yield {"error": f"The chat process could not answer ({name}). See chat.log."}

    def _load(self, base: str) -> "Answerer":
        if self._answerer is None:
            os.environ.update(model_source.worker_environment(base, self._data_folder))
            from trainer.chat.answering import Answerer  # brings torch, after the environment

            self._answerer = Answerer(base, self._data_folder, self._device)
        if self._answerer.base != base:
            raise TrainerError(f"This chat process holds {self._answerer.base}, not {base}.")
        return self._answerer


if __name__ == "__main__":
    sys.exit(main())
