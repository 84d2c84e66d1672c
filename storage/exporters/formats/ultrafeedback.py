"""UltraFeedback's binarized columns with two scores, in jsonl.

A score is the share of the verdicts that are for the answer; a tie counts half for either side,
so tied answers have equal scores, and two bad ones have 0.
"""

from storage.data.conversations import last_user_text
from storage.enums import Verdict
from storage.exporters.columns import identity
from storage.exporters.formats.trl_conversational import conversational
from storage.exporters.judged_pairs import JudgedPair, Shape
from storage.exporters.writing import Row, write_preferences

NAME = "ultrafeedback"
TITLE = "UltraFeedback with scores (.jsonl)"
PURPOSE = "For recipes that read ultrafeedback_binarized; scores are shares of the verdicts."
LACKS = "A bad pair looks like a tie; labellers' own strengths are left out."
SHAPE = Shape(undecided=True, one_turn=False)
ROWS_PER_PAIR = 1


def rows(pair: JudgedPair) -> list[Row]:
    """Return the pair's row, with the whole conversation on either side."""
    sides = conversational(pair)
    chosen = pair.messages + sides["chosen"]
    of_chosen, of_rejected = pair.score_a, pair.score_b
    if pair.outcome is Verdict.B:
        of_chosen, of_rejected = of_rejected, of_chosen
    return [
        {
            "prompt": last_user_text(pair.messages),
            "prompt_id": str(pair.pair_id),
            "chosen": chosen,
            "rejected": pair.messages + sides["rejected"],
            "messages": chosen,
            "score_chosen": of_chosen,
            "score_rejected": of_rejected,
        }
        | identity(pair)
    ]


write = write_preferences
