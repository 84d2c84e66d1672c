"""hh_rlhf_cn: context, chosen and rejected as turns of {"role", "text"}, in jsonl."""

from storage.exporters.columns import identity
from storage.exporters.judged_pairs import JudgedPair, Shape
from storage.exporters.writing import Row, write_preferences

NAME = "hh_rlhf_cn"
TITLE = "hh_rlhf_cn (.jsonl)"
PURPOSE = "For loaders of hh_rlhf_cn, such as ms-swift's: context, chosen, rejected."
LACKS = "Ties and bad pairs are left out; a system text is a turn that some loaders do not expect."
SHAPE = Shape(undecided=False, one_turn=False)
ROWS_PER_PAIR = 1

_NAMES = {"system": "system", "user": "human", "assistant": "assistant"}


def rows(pair: JudgedPair) -> list[Row]:
    """One row, with the prompt as `context` and a turn for each side."""
    context = [
        {"role": _NAMES[message["role"]], "text": message["content"]} for message in pair.messages
    ]
    sides = {
        "chosen": {"role": "assistant", "text": pair.chosen},
        "rejected": {"role": "assistant", "text": pair.rejected},
    }
    return [{"context": context} | sides | identity(pair)]


write = write_preferences
