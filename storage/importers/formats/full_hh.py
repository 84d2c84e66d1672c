r"""hh-rlhf with its prompt apart: dialogues up to "\n\nAssistant:" beside two plain answers.

Also the form in which prompt and sides are single turns of {"role", "text"}.
"""

from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.dialogues import is_dialogue, prompt_turns_of, without_space
from storage.importers.parsed import Parsed, checked_pair
from storage.importers.roles import answer_of, messages_of

NAME = "full-hh-rlhf"
COLUMNS = frozenset({"prompt", "response", "chosen", "rejected"})


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether there are two plain answers to a dialogue, or three single turns."""
    kind: type = Mapping
    if is_dialogue(row.get("prompt")):
        kind = str
    elif not isinstance(row.get("prompt"), Mapping):
        return False
    return isinstance(row.get("chosen"), kind) and isinstance(row.get("rejected"), kind)


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the chosen answer as a."""
    if isinstance(row["prompt"], Mapping):
        messages = messages_of([row["prompt"]])
        chosen, rejected = answer_of(row["chosen"]), answer_of(row["rejected"])
    else:
        messages = prompt_turns_of(row["prompt"])
        chosen, rejected = without_space(row["chosen"]), without_space(row["rejected"])
    return checked_pair(messages, chosen, rejected, verdict=Verdict.A)
