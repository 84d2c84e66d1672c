"""The events of a run: what its worker appends to `events.jsonl`, and everybody else reads."""

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trainer.runs.durable_json import dump, finite

ENDINGS = ("finished", "failed", "cancelled")


class EventWriter:
    """Appends events to `events.jsonl`; only the worker that holds the lock may have one.

    Every event is one line written by one system call. Numbering goes on after a restart, and a
    line that a killed worker left unfinished is cut off first (no reader has taken it in).
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "events.jsonl"
        self._last_seq = 0
        if self._path.exists():
            events, end = read_events(folder, 0)
            self._last_seq = max((event.get("seq", 0) for event in events), default=0)
            os.truncate(self._path, end)

    def write(self, event_type: str, **fields: Any) -> None:
        """Append one event; numbers that are not finite become null, as JSON has none."""
        event = {
            "seq": self._last_seq + 1,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "type": event_type,
            **fields,
        }
        line = (dump(finite(event)) + "\n").encode("utf-8", errors="replace")
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            end = os.fstat(descriptor).st_size
            num_written = os.write(descriptor, line)
            if num_written < len(line):
                os.ftruncate(descriptor, end)
                raise OSError(errno.ENOSPC, "The disk is full", str(self._path))
        finally:
            os.close(descriptor)
        self._last_seq += 1


class SilentEvents(EventWriter):
    """Writes nothing: for the further processes of a run, whose first one tells how it goes."""

    def __init__(self) -> None:
        """Touch no file: the first process is writing it."""

    def write(self, event_type: str, **fields: Any) -> None:
        """Leave it to the first process."""


def read_events(folder: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Events from byte `offset` on, and the offset after them; an unfinished line is left.

    A finished line that is no JSON object (a damaged disk) comes back as a `warning` event.
    """
    try:
        with (folder / "events.jsonl").open("rb") as file:
            file.seek(offset)
            content = file.read()
    except FileNotFoundError:
        return [], offset
    complete = content[: content.rfind(b"\n") + 1]
    return [_parse_event(line) for line in complete.splitlines()], offset + len(complete)


def last_ending(folder: Path) -> dict[str, Any] | None:
    """The last `finished`, `failed` or `cancelled` event with no `started` after it, or None."""
    events, _ = read_events(folder, 0)
    for event in events[::-1]:
        if event.get("type") in ENDINGS:
            return event
        if event.get("type") == "started":
            return None
    return None


def _parse_event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if isinstance(event, dict):
        return event
    return {"type": "warning", "message": "One line of events.jsonl cannot be read; it was left."}
