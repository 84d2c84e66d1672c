"""A csv table for people: two answers, the winner, and where they come from.

A cell that a spreadsheet would take for a formula begins with an apostrophe, which an import takes
off again.
"""

import csv
import json
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from storage.data.conversations import Message
from storage.data.formula_guard import guarded
from storage.exporters.formats import two_answers
from storage.exporters.judged_pairs import JudgedPair, Shape
from storage.exporters.writing import Row, completed

NAME = "csv"
TITLE = "Table for people (.csv)"
PURPOSE = "For spreadsheets. Conversations of several turns are written as JSON in their cell."
LACKS = "In a spreadsheet, a text that begins like a formula (= + - @) has an apostrophe before it."
SHAPE = Shape(undecided=True, one_turn=False)
ROWS_PER_PAIR = 1


def rows(pair: JudgedPair) -> list[Row]:
    """Return the pair's row, with the cells as they are written."""
    [row] = two_answers.rows(pair)
    row["prompt"] = _prompt_cell(pair.messages)
    row["tags"] = ", ".join(pair.tags)
    return [
        {name: guarded(value) if isinstance(value, str) else value for name, value in row.items()}
    ]


def _prompt_cell(messages: list[Message]) -> str:
    """Return the text of a lone turn, and any other conversation as JSON.

    So is a text that itself looks like JSON: it would be read as a conversation.
    """
    if len(messages) == 1 and messages[0]["content"][:1] not in ("[", "{"):
        return messages[0]["content"]
    return json.dumps(messages, ensure_ascii=False)


def write(rows: Iterable[Row], folder: Path) -> None:
    """Write preferences.csv; the byte order mark tells spreadsheets that it is UTF-8."""
    rows = iter(rows)
    with (
        completed(folder / "preferences.csv") as unfinished,
        unfinished.open("w", encoding="utf-8-sig", newline="") as to,
    ):
        first = next(rows)
        table = csv.DictWriter(to, list(first), quoting=csv.QUOTE_NONNUMERIC)
        table.writeheader()
        table.writerows(chain([first], rows))
