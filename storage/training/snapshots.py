"""Freezes the labelled pairs into the rows that a training run gets, with a hash of them.

Rows are TRL's conversational preference format. Their order and their hash come from their
content alone, not from the order in which pairs were made or judged. A prompt of the held-out
split never comes among the rows that train.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from storage.data.conversations import Message
from storage.enums import PairOrigin, Split, Verdict
from storage.labelling.consensus import Outcome, consensus
from storage.labelling.verdicts import active, decided, skipped
from storage.schema.tables import Completion, Pair, Preference, Prompt

Row = dict[str, Any]


@dataclass(frozen=True)
class SnapshotCounts:
    """How many pairs went where; their sum is the number of pairs looked at."""

    train: int
    heldout: int
    ties: int
    """Ties, and as many verdicts for one side as for the other."""
    both_bad: int
    skipped: int
    """Only skipped so far."""
    unlabelled: int
    equal: int
    """Decided, but both answers have the same text."""


@dataclass(frozen=True)
class Snapshot:
    """The frozen preferences of one training run."""

    train: list[Row]
    """{"prompt": [messages], "chosen": [message], "rejected": [message], "pair_id": n}"""
    heldout: list[Row]
    hash: str
    """"sha256:..." over the content of both lists, pair numbers left out."""
    counts: SnapshotCounts


def freeze(session: Session) -> Snapshot:
    """Turn all active verdicts into training rows, with four queries whatever the number.

    Votes on base against tuned answers train too.
    """
    verdicts = _verdicts(session)
    prompts = _prompts(session)
    rows: dict[Split, list[tuple[str, Row]]] = {Split.TRAIN: [], Split.HELDOUT: []}
    numbers = dict.fromkeys(("ties", "both_bad", "skipped", "equal"), 0)
    for pair_id, prompt_id, text_a, text_b in _judged_pairs(session):
        outcome = consensus(found := verdicts[pair_id])
        if outcome not in (Outcome.A, Outcome.B):
            numbers[_why_undecided(outcome, found)] += 1
        elif text_a == text_b:
            numbers["equal"] += 1
        else:
            messages, split = prompts[prompt_id]
            sides = (text_a, text_b) if outcome is Outcome.A else (text_b, text_a)
            rows[split].append(_row(pair_id, messages, *sides))
    train, heldout = (_sorted(rows[split]) for split in (Split.TRAIN, Split.HELDOUT))
    return Snapshot(
        train=[row for _, row in train],
        heldout=[row for _, row in heldout],
        hash=_hash([digest for digest, _ in train], [digest for digest, _ in heldout]),
        counts=SnapshotCounts(
            len(train), len(heldout), unlabelled=_num_unlabelled(session), **numbers
        ),
    )


def data_version(session: Session) -> tuple[int, ...]:
    """Numbers that change whenever `freeze` would give something else; a few ms at 100,000 pairs.

    Verdicts are added, withdrawn, replaced and deleted, and pairs added and deleted, but none is
    rewritten, and no id comes again.
    """
    numbers = (func.count(Preference.id), func.coalesce(func.sum(Preference.id), 0))
    columns = [
        *(select(number).where(*kind()).scalar_subquery()
          for kind in (decided, skipped) for number in numbers),
        select(func.count(Pair.id)).scalar_subquery(),
        select(func.coalesce(func.max(Pair.id), 0)).scalar_subquery(),
    ]  # fmt: skip
    return tuple(session.execute(select(*columns)).one())


def _num_unlabelled(session: Session) -> int:
    """Pairs that wait for a verdict; a comparison that nobody voted on waits for none."""
    waiting = (Pair.origin != PairOrigin.COMPARISON, ~_is_judged())
    return session.scalar(select(func.count(Pair.id)).where(*waiting)) or 0


def _judged_pairs(session: Session) -> Iterable[tuple[int, int, str, str]]:
    a, b = aliased(Completion), aliased(Completion)
    query = (
        select(Pair.id, Pair.prompt_id, a.text, b.text)
        .join(a, a.id == Pair.completion_a)
        .join(b, b.id == Pair.completion_b)
        .where(_is_judged())
    )
    return ((pair, prompt, one, other) for pair, prompt, one, other in session.execute(query))


def _is_judged() -> ColumnElement[bool]:
    return exists().where(Preference.pair_id == Pair.id, *active())


def _verdicts(session: Session) -> dict[int, list[Verdict]]:
    found: dict[int, list[Verdict]] = {}
    query = select(Preference.pair_id, Preference.verdict).where(*active())
    for pair_id, verdict in session.execute(query):
        found.setdefault(pair_id, []).append(verdict)
    return found


def _prompts(session: Session) -> dict[int, tuple[list[Message], Split]]:
    judged = select(Pair.prompt_id).join(Preference, Preference.pair_id == Pair.id)
    query = select(Prompt.id, Prompt.messages, Prompt.split).where(
        Prompt.id.in_(judged.where(*active()))
    )
    return {prompt_id: (messages, split) for prompt_id, messages, split in session.execute(query)}


def _why_undecided(outcome: Outcome, verdicts: list[Verdict]) -> str:
    if outcome is Outcome.TIE:
        return "ties"
    if Verdict.BOTH_BAD in verdicts:
        return "both_bad"
    return "skipped"


def _row(pair_id: int, messages: list[Message], chosen: str, rejected: str) -> tuple[str, Row]:
    content = {
        "prompt": messages,
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
    }
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest(), {**content, "pair_id": pair_id}


def _sorted(rows: list[tuple[str, Row]]) -> list[tuple[str, Row]]:
    # Sorted by the digest: the same order everywhere, and alike prompts do not stand together.
    return sorted(rows, key=lambda row: (row[0], row[1]["pair_id"]))


def _hash(train: list[str], heldout: list[str]) -> str:
    lines = "\n".join(["train", *train, "heldout", *heldout])
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
