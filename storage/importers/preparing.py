"""Turns what was understood of rows into values as the tables keep them.

Knows no database, so that the work is done before the write lock is taken, or in another process.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from storage.data.conversations import content_hash, last_user_text, split_of
from storage.importers.parsed import ImportedPair, ImportedPrompt, Judgement
from storage.importers.understanding import Batch
from storage.schema.json_text import to_json


class PreparedPrompt(NamedTuple):
    """A prompt's columns."""

    messages: str
    text: str
    split: str
    details: str | None


class PreparedPair(NamedTuple):
    """A pair's columns, with the prompt by its content hash, and the verdicts on it."""

    prompt: str
    text_a: str
    text_b: str
    model_a: str | None
    model_b: str | None
    details: str | None
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True)
class Prepared:
    """A batch that is ready to be stored, each content once."""

    prompts: dict[str, PreparedPrompt] = field(default_factory=dict)
    """By content hash."""
    pairs: dict[str, PreparedPair] = field(default_factory=dict)
    """By a hash of the prompt and both texts."""
    alone: list[str] = field(default_factory=list)
    """Content hashes of the rows that are a prompt alone."""


def prepare(batch: Batch) -> Prepared:
    """Return the batch as values of the tables."""
    prepared = Prepared()
    digests = [*batch.prompt_hashes, *(content_hash(pair.messages) for pair in batch.additions)]
    items: Iterable[ImportedPrompt | ImportedPair] = [*batch.items, *batch.additions]
    for digest, item in zip(digests, items, strict=True):
        if isinstance(item, ImportedPrompt):
            prepared.prompts[digest] = _prompt(digest, item)
            prepared.alone.append(digest)
            continue
        if digest not in prepared.prompts:
            prepared.prompts[digest] = _prompt(digest, item)
        key = _pair_hash(digest, item)
        earlier = prepared.pairs.get(key)
        prepared.pairs[key] = _pair(digest, item, earlier.judgements if earlier else ())
    return prepared


def _prompt(digest: str, item: ImportedPrompt | ImportedPair) -> PreparedPrompt:
    # A pair keeps its columns itself.
    details = item.metadata if isinstance(item, ImportedPrompt) else None
    return PreparedPrompt(
        to_json([{"role": m["role"], "content": m["content"]} for m in item.messages]),
        last_user_text(item.messages),
        split_of(digest).value,
        to_json(details) if details else None,
    )


def _pair(digest: str, pair: ImportedPair, earlier: tuple[Judgement, ...]) -> PreparedPair:
    """Return the pair; `earlier` are verdicts on it from the same batch."""
    details = to_json(pair.metadata) if pair.metadata else None
    texts_and_models = (pair.text_a, pair.text_b, pair.model_a, pair.model_b)
    return PreparedPair(digest, *texts_and_models, details, earlier + pair.judgements)


def _pair_hash(prompt_hash: str, pair: ImportedPair) -> str:
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in (pair.text_a, pair.text_b)]
    return hashlib.sha256(" ".join([prompt_hash, *digests]).encode()).hexdigest()
