"""OpenAI's preference file: input.messages, preferred_output and non_preferred_output, in jsonl."""

from storage.exporters.judged_pairs import JudgedPair, Shape
from storage.exporters.writing import Row, write_preferences

NAME = "openai"
TITLE = "OpenAI preference (.jsonl)"
PURPOSE = "For preference fine-tuning at OpenAI, Azure and Together."
LACKS = "Ties, bad pairs, and who gave a verdict are left out."
SHAPE = Shape(undecided=False, one_turn=False)
ROWS_PER_PAIR = 1


def rows(pair: JudgedPair) -> list[Row]:
    """Return the pair's row; it has no other columns, since these services refuse unknown ones."""
    return [
        {
            "input": {"messages": pair.messages},
            "preferred_output": [{"role": "assistant", "content": pair.chosen}],
            "non_preferred_output": [{"role": "assistant", "content": pair.rejected}],
        }
    ]


write = write_preferences
