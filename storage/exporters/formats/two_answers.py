"""Two answers side by side with the winner: all that PairTune knows of a verdict, in jsonl."""

from storage.exporters.columns import provenance
from storage.exporters.judged_pairs import JudgedPair, Shape
from storage.exporters.writing import Row, write_preferences

NAME = "two_answers"
TITLE = "Two answers and the winner (.jsonl)"
PURPOSE = "Nothing lost: ties, bad pairs, labellers and reasons; for another PairTune or a script."
LACKS = "The side that was shown left, and withdrawn verdicts."
SHAPE = Shape(undecided=True, one_turn=False)
ROWS_PER_PAIR = 1


def rows(pair: JudgedPair) -> list[Row]:
    """Return the pair's row; the winner is a, b, tie or both_bad."""
    row = {
        "prompt": pair.messages,
        "answer_a": pair.text_a,
        "answer_b": pair.text_b,
        "winner": pair.outcome.value,
        "model_a": pair.model_a,
        "model_b": pair.model_b,
    } | provenance(pair)
    if pair.given is not None:
        row["annotator"] = row.pop("labeller")
    return [row]


write = write_preferences
