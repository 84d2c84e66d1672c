"""TRL's conversational preferences: prompt, chosen and rejected as lists of messages, in jsonl."""

from storage.exporters.columns import identity
from storage.exporters.judged_pairs import JudgedPair, Shape
from storage.exporters.writing import Row, write_preferences

NAME = "trl_conversational"
TITLE = "TRL conversational (.jsonl)"
PURPOSE = "For DPO with TRL and most other trainers; what PairTune's own runs train on."
LACKS = "Ties and pairs of two bad answers are left out."
SHAPE = Shape(undecided=False, one_turn=False)
ROWS_PER_PAIR = 1


def rows(pair: JudgedPair) -> list[Row]:
    """The chosen and the rejected answer, beside the prompt as messages."""
    return [conversational(pair) | identity(pair)]


def conversational(pair: JudgedPair) -> Row:
    """Return prompt, chosen and rejected as messages."""
    return {
        "prompt": pair.messages,
        "chosen": [{"role": "assistant", "content": pair.chosen}],
        "rejected": [{"role": "assistant", "content": pair.rejected}],
    }


write = write_preferences
