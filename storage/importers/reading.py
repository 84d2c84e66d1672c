"""Reads jsonl row by row. A row that cannot be read becomes a BadRow; no row stops the file."""

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from storage.conversations import text_problem
from storage.errors import InputError

Row = dict[str, Any]


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read, and why, as the end of a sentence."""

    reason: str


class _BadJson(ValueError):
    """JSON that Python would accept although it is not sound."""


def read_rows(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    """Yield (row number from 1, row) for each line that is not empty.

    Raises:
        InputError: the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                content = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                if content.strip():
                    yield number, _row(content)
    except OSError as error:
        raise InputError(f"The file {path.name} cannot be read: {error.strerror}.") from error


def _row(line: bytes) -> Row | BadRow:
    try:
        row = json.loads(
            line.decode(), object_pairs_hook=_without_repeats, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError:
        return BadRow("that are not UTF-8")
    except RecursionError:
        return BadRow("nested too deeply")
    except _BadJson as error:
        return BadRow(str(error))
    except ValueError:
        return BadRow("that are not JSON")
    if not isinstance(row, dict):
        return BadRow("that are not a JSON object")
    # Only an escape can bring in what cannot be stored, and few lines have one of these.
    if b"\\u" in line and (problem := _worst_text(row)):
        return BadRow(problem)
    return row


def _without_repeats(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise _BadJson("with the same key twice")
    return row


def _refuse_constant(name: str) -> NoReturn:
    raise _BadJson("with NaN or Infinity")


def _worst_text(row: Row) -> str | None:
    waiting: list[Any] = [row]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if problem := text_problem(value):
                return problem
        elif isinstance(value, dict):
            waiting.extend(value.keys())
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return None
