"""LLaMA-Factory's ShareGPT ranking rows, with the entry that its dataset_info.json needs.

A system text is the conversation's first turn, which LLaMA-Factory reads as such.
"""

from collections.abc import Iterable
from pathlib import Path

from storage.exporters.columns import identity
from storage.exporters.judged_pairs import JudgedPair, Shape
from storage.exporters.writing import Row, write_json, write_lines

NAME = "llama_factory"
TITLE = "LLaMA-Factory ranking (.zip)"
PURPOSE = "ShareGPT rows for DPO with LLaMA-Factory, with their entry for dataset_info.json."
LACKS = "Ties and pairs of two bad answers are left out."
SHAPE = Shape(undecided=False, one_turn=False)
ROWS_PER_PAIR = 1

_FILE = "pairtune_preferences.jsonl"
_ENTRY = {
    "pairtune_preferences": {
        "file_name": _FILE,
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
    }
}
_NAMES = {"system": "system", "user": "human", "assistant": "gpt"}


def rows(pair: JudgedPair) -> list[Row]:
    """One row, with the prompt as `conversations` and a turn for each side."""
    turns = [
        {"from": _NAMES[message["role"]], "value": message["content"]} for message in pair.messages
    ]
    sides = {
        "chosen": {"from": "gpt", "value": pair.chosen},
        "rejected": {"from": "gpt", "value": pair.rejected},
    }
    return [{"conversations": turns} | sides | identity(pair)]


def write(rows: Iterable[Row], folder: Path) -> None:
    """Write the rows and dataset_info.json."""
    write_lines(folder / _FILE, rows)
    write_json(folder / "dataset_info.json", _ENTRY)
