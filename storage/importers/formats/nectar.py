"""Nectar: a dialogue, and several answers with their rank; rank 1 is the best."""

from collections.abc import Mapping
from typing import Any

from storage.importers.dialogues import is_dialogue, prompt_turns_of
from storage.importers.formats.prompts_only import prompt_messages
from storage.importers.parsed import Answer, Parsed, checked_ranking
from storage.importers.roles import is_messages
from storage.importers.verdict_codes import number_of

NAME = "Nectar"
COLUMNS = frozenset({"prompt", "answers"})


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row has a prompt and a list of answers with ranks."""
    answers = row.get("answers")
    return "prompt" in row and is_messages(answers) and any("rank" in item for item in answers)


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return all answers, rated by their rank with the sign turned."""
    prompt = row["prompt"]
    messages = prompt_turns_of(prompt) if is_dialogue(prompt) else prompt_messages(prompt)
    return checked_ranking(messages, [_answer(item) for item in row["answers"]])


def _answer(item: Mapping[str, Any]) -> Answer | None:
    text, model, rank = item.get("answer"), item.get("model"), number_of(item.get("rank"))
    if not isinstance(text, str):
        return None
    return Answer(text, None if rank is None else -rank, model if isinstance(model, str) else None)
