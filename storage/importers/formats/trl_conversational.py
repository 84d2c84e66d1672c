"""TRL's conversational preferences: chosen and rejected are lists of messages.

Explicit rows have a prompt of messages and one assistant turn on either side; implicit ones
repeat the prompt at the start of both sides. A prompt that is a text beside lists that repeat
it is passed over. Where both sides are scored, equal scores are a tie.
"""

from collections.abc import Mapping
from typing import Any

from storage.enums import Verdict
from storage.importers.branches import pair_of_branches
from storage.importers.parsed import Dropped, ImportedPair, Judgement, Parsed
from storage.importers.roles import is_messages, messages_of
from storage.importers.verdict_codes import number_of, verdict_by_scores

NAME = "TRL conversational"
COLUMNS = frozenset({"prompt", "chosen", "rejected"})


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether both sides are lists of messages."""
    prompt = row.get("prompt")
    return (
        is_messages(row.get("chosen"))
        and is_messages(row.get("rejected"))
        and (prompt is None or isinstance(prompt, str) or is_messages(prompt))
    )


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair, with the chosen answer as a."""
    return conversational_pair(row, Judgement(Verdict.A))


def conversational_pair(row: Mapping[str, Any], judgement: Judgement) -> ImportedPair | Dropped:
    """Read prompt, chosen and rejected, judged by what the format says beside them."""
    chosen, rejected = messages_of(row["chosen"]), messages_of(row["rejected"])
    prompt = row.get("prompt") or []
    if isinstance(prompt, str):
        turns = (chosen or []) + (rejected or [])
        # Lists that hold a turn of the user tell the prompt in full themselves.
        is_repeated = any(turn["role"] == "user" for turn in turns)
        messages = [] if is_repeated else [{"role": "user", "content": prompt}]
        return pair_of_branches(messages, chosen, rejected, judgement)
    return pair_of_branches(messages_of(prompt), chosen, rejected, judgement)


def judgement_of_scores(row: Mapping[str, Any], chosen: str, rejected: str) -> Judgement:
    """Judge by two columns of scores: chosen is better, or tied where the scores are equal."""
    of_chosen, of_rejected = number_of(row.get(chosen)), number_of(row.get(rejected))
    if of_chosen is None or of_rejected is None:
        return Judgement(Verdict.A)
    tied = verdict_by_scores(of_chosen, of_rejected) is Verdict.TIE
    return Judgement(Verdict.TIE if tied else Verdict.A, of_chosen - of_rejected)
