"""Reads rows of JSON: one a line, or all in one array or object. Knows no columns' meaning."""

import codecs
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, NoReturn

from storage.data.conversations import text_problem

Row = dict[str, Any]

_CHUNK = 1 << 20  # bytes taken at once from a document
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{},]', re.DOTALL)
_KEY = re.compile(rb'\s*("[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*', re.DOTALL)
# An object with one of these is a row itself, although all of its values may be objects.
_COLUMNS = {"prompt", "chosen", "rejected", "data", "input", "info", "preference", "context"}


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read, and why, as the end of a sentence."""

    reason: str


class _BadJson(ValueError):
    """JSON that Python would accept although it is not sound."""


def read_lines(lines: Iterable[bytes]) -> Iterator[tuple[int, Row | BadRow]]:
    """Yield (line number from 1, row) for each line that is not empty."""
    for number, line in enumerate(lines, start=1):
        content = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if content.strip():
            yield number, row_of(content)


def read_document(file: io.BufferedReader) -> Iterator[tuple[int, Row | BadRow]]:
    """Yield (number from 1, row) for the rows of an array, of an object, or of plain lines.

    An array is read piece by piece; an object is looked at as a whole, as only its end tells
    whether it is one row, the first of several lines, or holds rows by name.
    """
    if file.peek(64).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
        for number, element in enumerate(_elements(file), start=1):
            yield number, row_of(element)
        return
    first = file.readline()
    if first.strip() and not isinstance(row_of(first.removeprefix(codecs.BOM_UTF8)), BadRow):
        start = [first]
        for line in file:
            start.append(line)
            if line.strip():
                yield from read_lines(chain(start, file))
                return
        whole = first
    else:
        whole = first + file.read()
    yield from _rows_of_object(whole.removeprefix(codecs.BOM_UTF8))


def row_of(content: bytes) -> Row | BadRow:
    """Read one row, strictly: what Python's json lets pass but nobody can store is refused."""
    try:
        row = json.loads(
            content.decode(), object_pairs_hook=_without_repeats, parse_constant=_refuse_constant
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
    # Only an escape can bring in what cannot be stored, and few rows have one of these.
    if b"\\u" in content and (problem := problem_within(row)):
        return BadRow(problem)
    return row


def problem_within(row: Row) -> str | None:
    """Say why a text somewhere in the row cannot be stored, or return None if all can."""
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


def _rows_of_object(content: bytes) -> Iterator[tuple[int, Row | BadRow]]:
    if isinstance(row_of(content), BadRow) and not content.rstrip().endswith(b"}"):
        yield from read_lines(io.BytesIO(content))
        return
    named = [
        (key.group(1), element[key.end() :])
        for element in _elements(io.BytesIO(content))
        if (key := _KEY.match(element))
    ]
    if named and all(
        value.startswith(b"{") and key[1:-1].decode(errors="replace") not in _COLUMNS
        for key, value in named
    ):
        for number, (_, value) in enumerate(named, start=1):
            yield number, row_of(value)
    elif isinstance(row := row_of(content), BadRow) and b"\n" in content.strip():
        yield from read_lines(io.BytesIO(content))
    else:
        yield 1, row


def _elements(file: io.BufferedIOBase) -> Iterator[bytes]:
    """Cut the outermost array or object at its commas; what does not end comes as it is."""
    buffer, start, at, depth = b"", 0, 0, 0
    while chunk := file.read(_CHUNK):
        buffer, at, start = buffer[start:] + chunk, at - start, 0
        for token in _TOKEN.finditer(buffer, at):
            mark = token.group()
            if mark == b'"':  # a text that goes on in the next chunk
                break
            at = token.end()
            if mark in (b"[", b"{"):
                depth += 1
                start = at if depth == 1 else start
            elif mark in (b"]", b"}"):
                depth = max(depth - 1, 0)
            if depth == 0 or (depth == 1 and mark == b","):
                element, start = buffer[start : token.start()], at
                if element.strip():
                    yield element
    if buffer[start:].strip():
        yield buffer[start:]


def _without_repeats(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise _BadJson("with the same key twice")
    return row


def _refuse_constant(name: str) -> NoReturn:
    raise _BadJson("with NaN or Infinity")
