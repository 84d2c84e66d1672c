"""TRL's KTO rows: each answer by itself, labelled good or bad, in jsonl.

A decided pair gives one of each. A tie says that both answers will do, so it gives two good ones;
two bad answers give two bad ones.
"""

from storage.enums import Verdict
from storage.exporters.columns import identity
from storage.exporters.judged_pairs import JudgedPair, Shape
from storage.exporters.writing import Row, write_preferences

NAME = "trl_kto"
TITLE = "TRL KTO (.jsonl)"
PURPOSE = "For KTO: one answer a row, good or bad. Ties give two good rows, bad pairs two bad ones."
LACKS = "Which two answers stood beside each other is lost."
SHAPE = Shape(undecided=True, one_turn=False)
ROWS_PER_PAIR = 2


def rows(pair: JudgedPair) -> list[Row]:
    """Return a row for either answer."""
    return [
        {
            "prompt": pair.messages,
            "completion": [{"role": "assistant", "content": text}],
            "label": label,
        }
        | identity(pair)
        for text, label in (
            (pair.chosen, pair.outcome is not Verdict.BOTH_BAD),
            (pair.rejected, pair.outcome is Verdict.TIE),
        )
    ]


write = write_preferences
