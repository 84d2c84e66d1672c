"""TRL's standard preferences: prompt, chosen and rejected as plain texts, in jsonl."""

from storage.exporters.columns import identity
from storage.exporters.judged_pairs import JudgedPair, Shape
from storage.exporters.writing import Row, write_preferences

NAME = "trl_standard"
TITLE = "TRL standard (.jsonl)"
PURPOSE = "Three plain texts a row, for tools that know no chat messages."
LACKS = "Prompts of several turns or with a system text are left out; so are ties and bad pairs."
SHAPE = Shape(undecided=False, one_turn=True)
ROWS_PER_PAIR = 1


def rows(pair: JudgedPair) -> list[Row]:
    """Return the row of a pair whose prompt is one turn."""
    texts = {
        "prompt": pair.messages[0]["content"],
        "chosen": pair.chosen,
        "rejected": pair.rejected,
    }
    return [texts | identity(pair)]


write = write_preferences
