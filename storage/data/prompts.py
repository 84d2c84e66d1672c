"""Prompts: stored once by content, split once by hash, shown, and picked for generation."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

import storage.starter
from storage.data.conversations import Message, content_hash, last_user_text, prompt_problem, split_of
from storage.enums import CompletionOrigin, Split, Verdict
from storage.errors import InputError, NotFoundError
from storage.schema.tables import Completion, Pair, Preference, Prompt
from storage.labelling.verdicts import decided

STARTER_SOURCE = "starter"
_STARTER_FILE = Path(storage.starter.__file__).parent / "prompts.jsonl"


@dataclass(frozen=True)
class PromptRow:
    """A prompt as a list shows it."""

    id: int
    text: str
    """The last user turn."""
    source: str
    tags: tuple[str, ...]
    split: Split
    num_pairs: int
    num_labelled: int
    """Pairs with an active verdict other than skip."""


@dataclass(frozen=True)
class CompletionRow:
    """An answer with the verdicts in its favour and against it."""

    id: int
    text: str
    origin: CompletionOrigin
    model: str | None
    adapter: str | None
    num_chosen: int
    """Active verdicts that chose it."""
    num_rejected: int
    """Active verdicts that chose the other one."""
    num_undecided: int
    """Active ties and both-bad verdicts."""


@dataclass(frozen=True)
class PromptDetail:
    """A prompt with all its answers."""

    id: int
    messages: list[Message]
    source: str
    tags: tuple[str, ...]
    split: Split
    completions: list[CompletionRow]


def add_prompt(
    session: Session, messages: Sequence[Message], *, source: str, tags: Iterable[str] = ()
) -> tuple[Prompt, bool]:
    """Store a prompt unless its content is there already; True means that it is new.

    Raises:
        InputError: the messages are not a conversation that ends with the user.
    """
    if problem := prompt_problem(messages):
        raise InputError(
            f"Conversations {problem} cannot be stored as prompts. "
            "Give turns of user and assistant that end with the user."
        )
    digest = content_hash(messages)
    stored = session.scalar(select(Prompt).where(Prompt.content_hash == digest))
    if stored is not None:
        return stored, False
    prompt = Prompt(**new_prompt_values(messages, source=source, tags=tags))
    session.add(prompt)
    session.flush()
    return prompt, True


def new_prompt_values(
    messages: Sequence[Message], *, source: str, tags: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the columns for messages that are known to be a prompt; nothing is stored."""
    digest = content_hash(messages)
    return {
        "messages": [{"role": m["role"], "content": m["content"]} for m in messages],
        "text": last_user_text(messages),
        "content_hash": digest,
        "source": source,
        "tags": list(tags),
        "split": split_of(digest),
    }


def prompt_rows(session: Session, prompt_ids: Sequence[int]) -> list[PromptRow]:
    """Return the prompts that exist among `prompt_ids`, in that order."""
    found = session.scalars(select(Prompt).where(Prompt.id.in_(prompt_ids)))
    prompts = {prompt.id: prompt for prompt in found}
    numbers = _pair_numbers(session, prompt_ids)
    return [
        PromptRow(
            id=prompt.id,
            text=prompt.text,
            source=prompt.source,
            tags=tuple(prompt.tags),
            split=prompt.split,
            num_pairs=numbers.get(prompt.id, (0, 0))[0],
            num_labelled=numbers.get(prompt.id, (0, 0))[1],
        )
        for prompt in map(prompts.get, prompt_ids)
        if prompt is not None
    ]


def prompt_detail(session: Session, prompt_id: int) -> PromptDetail:
    """Return a prompt with its answers in the order in which they came.

    Raises:
        NotFoundError: there is no such prompt.
    """
    prompt = session.get(Prompt, prompt_id)
    if prompt is None:
        raise NotFoundError(f"Prompt {prompt_id} does not exist. Choose one from the list.")
    completions = session.scalars(
        select(Completion).where(Completion.prompt_id == prompt_id).order_by(Completion.id)
    ).all()
    verdicts = _verdicts_by_completion(session, prompt_id)
    return PromptDetail(
        id=prompt.id,
        messages=prompt.messages,
        source=prompt.source,
        tags=tuple(prompt.tags),
        split=prompt.split,
        completions=[_completion_row(row, verdicts.get(row.id, [])) for row in completions],
    )


def prompts_for_pairs(
    session: Session, *, limit: int, only_without_pair: bool = True
) -> list[Prompt]:
    """Pick prompts to generate pairs for: a fixed mixture, the user's own before the starter's.

    With `only_without_pair` false, prompts with the fewest pairs come first.
    """
    has_pair = exists().where(Pair.prompt_id == Prompt.id)
    # By hash, not by id: neighbours in a file are alike, and the split comes evenly.
    order = (Prompt.source == STARTER_SOURCE, Prompt.content_hash)
    query = select(Prompt).limit(limit)
    if only_without_pair:
        return list(session.scalars(query.where(~has_pair).order_by(*order)))
    num_pairs = (
        select(func.count()).where(Pair.prompt_id == Prompt.id).correlate(Prompt).scalar_subquery()
    )
    return list(session.scalars(query.order_by(num_pairs, *order)))


def heldout_prompts(session: Session, *, limit: int = 50) -> list[Prompt]:
    """Return held-out prompts in a fixed mixture, for looking at what a model does."""
    query = select(Prompt).where(Prompt.split == Split.HELDOUT).order_by(Prompt.content_hash)
    return list(session.scalars(query.limit(limit)))


def load_starter_prompts(session: Session) -> int:
    """Put the starter prompts into a database without any prompt; return how many were added."""
    if session.scalar(select(exists(select(Prompt.id)))):
        return 0
    rows = [json.loads(line) for line in _STARTER_FILE.read_text("utf-8").splitlines()]
    session.add_all(
        Prompt(**new_prompt_values(row["messages"], source=STARTER_SOURCE, tags=row["tags"]))
        for row in rows
    )
    session.flush()
    return len(rows)


def _pair_numbers(session: Session, prompt_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    labelled = exists().where(Preference.pair_id == Pair.id, *decided())
    query = (
        select(Pair.prompt_id, func.count(), func.count().filter(labelled))
        .where(Pair.prompt_id.in_(prompt_ids))
        .group_by(Pair.prompt_id)
    )
    return {row[0]: (row[1], row[2]) for row in session.execute(query)}


def _verdicts_by_completion(session: Session, prompt_id: int) -> dict[int, list[str]]:
    query = (
        select(Pair.completion_a, Pair.completion_b, Preference.verdict)
        .join(Preference, Preference.pair_id == Pair.id)
        .where(Pair.prompt_id == prompt_id, *decided())
    )
    found: dict[int, list[str]] = {}
    for a, b, verdict in session.execute(query):
        outcome = {Verdict.A: ("chosen", "rejected"), Verdict.B: ("rejected", "chosen")}
        of_a, of_b = outcome.get(verdict, ("undecided", "undecided"))
        found.setdefault(a, []).append(of_a)
        found.setdefault(b, []).append(of_b)
    return found


def _completion_row(completion: Completion, verdicts: Sequence[str]) -> CompletionRow:
    return CompletionRow(
        id=completion.id,
        text=completion.text,
        origin=completion.origin,
        model=completion.model,
        adapter=completion.adapter,
        num_chosen=verdicts.count("chosen"),
        num_rejected=verdicts.count("rejected"),
        num_undecided=verdicts.count("undecided"),
    )
