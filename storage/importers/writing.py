"""Stores what was understood of a file, with a few statements whatever its length."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.enums import CompletionOrigin, PairOrigin
from storage.importers.parsed import ImportedPair, ImportedPrompt
from storage.importers.verdict_writing import chunks, store_verdicts
from storage.prompts import content_hash, new_prompt_values
from storage.tables import Claim, Completion, Pair, Prompt


def store(
    session: Session,
    items: Sequence[ImportedPrompt | ImportedPair],
    *,
    source: str,
    verdicts_by: str,
) -> int:
    """Store prompts, pairs and verdicts that are not stored yet; return how many items were.

    Args:
        session: a session that writes.
        items: each content once.
        source: what the prompts are marked with.
        verdicts_by: name of the imported labeller that the verdicts are stored for.
    """
    prompt_ids, known_prompts = _store_prompts(session, items, source)
    pairs = {
        _import_hash(content_hash(item.messages), item): item
        for item in items
        if isinstance(item, ImportedPair)
    }
    pair_ids, known_pairs = _store_pairs(session, pairs, prompt_ids)
    judged = {pair_ids[key]: pair.judgements for key, pair in pairs.items() if pair.judgements}
    known_verdicts = store_verdicts(session, judged, verdicts_by=verdicts_by) if judged else set()
    num_known_prompts = sum(
        isinstance(item, ImportedPrompt) and content_hash(item.messages) in known_prompts
        for item in items
    )
    return num_known_prompts + sum(
        key in known_pairs and (not pair.judgements or pair_ids[key] in known_verdicts)
        for key, pair in pairs.items()
    )


def _store_prompts(
    session: Session, items: Sequence[ImportedPrompt | ImportedPair], source: str
) -> tuple[dict[str, int], set[str]]:
    wanted = {content_hash(item.messages): item for item in items}
    ids = _ids_by(session, Prompt.content_hash, Prompt.id, wanted)
    known = set(ids)
    rows = [
        new_prompt_values(item.messages, source=source) | {"details": _prompt_details(item)}
        for digest, item in wanted.items()
        if digest not in known
    ]
    if rows:
        session.execute(insert(Prompt), rows)
        ids |= _ids_by(
            session, Prompt.content_hash, Prompt.id, [row["content_hash"] for row in rows]
        )
    return ids, known


def _store_pairs(
    session: Session, pairs: dict[str, ImportedPair], prompt_ids: dict[str, int]
) -> tuple[dict[str, int], set[str]]:
    ids: dict[str, int] = _ids_by(session, Pair.import_hash, Pair.id, pairs)
    known = set(ids)
    new = {key: pair for key, pair in pairs.items() if key not in known}
    prompts = {key: prompt_ids[content_hash(pair.messages)] for key, pair in new.items()}
    completions = _store_completions(
        session,
        {
            (prompts[key], text): model
            for key, pair in new.items()
            for text, model in ((pair.text_a, pair.model_a), (pair.text_b, pair.model_b))
        },
    )
    rows = [
        {
            "prompt_id": prompts[key],
            "completion_a": completions[prompts[key], pair.text_a],
            "completion_b": completions[prompts[key], pair.text_b],
            "origin": PairOrigin.IMPORTED,
            "import_hash": key,
            "details": pair.metadata or None,
        }
        for key, pair in new.items()
    ]
    if rows:
        session.execute(insert(Pair), rows)
        stored = _ids_by(session, Pair.import_hash, Pair.id, new)
        ids |= stored
        session.execute(insert(Claim), [{"pair_id": pair_id} for pair_id in stored.values()])
    return ids, known


def _store_completions(
    session: Session, wanted: Mapping[tuple[int, str], str | None]
) -> dict[tuple[int, str], int]:
    """Return ids by prompt and text; answers of one prompt with the same text are one row.

    Args:
        session: a session that writes.
        wanted: by prompt and text, the model that the file names for the answer.
    """
    prompt_ids = dict.fromkeys(prompt_id for prompt_id, _ in wanted)
    ids = _imported_completions(session, prompt_ids)
    rows = [
        {
            "prompt_id": prompt_id,
            "text": text,
            "origin": CompletionOrigin.IMPORTED,
            "model": model,
        }
        for (prompt_id, text), model in wanted.items()
        if (prompt_id, text) not in ids
    ]
    if rows:
        session.execute(insert(Completion), rows)
        ids = _imported_completions(session, prompt_ids)
    return ids


def _imported_completions(
    session: Session, prompt_ids: Iterable[int]
) -> dict[tuple[int, str], int]:
    query = select(Completion.prompt_id, Completion.text, Completion.id).where(
        Completion.origin == CompletionOrigin.IMPORTED
    )
    return {
        (prompt_id, text): found
        for chunk in chunks(prompt_ids)
        for prompt_id, text, found in session.execute(query.where(Completion.prompt_id.in_(chunk)))
    }


def _prompt_details(item: ImportedPrompt | ImportedPair) -> dict[str, Any] | None:
    """Return a lone prompt's columns; a pair keeps its own."""
    return item.metadata or None if isinstance(item, ImportedPrompt) else None


def _import_hash(prompt_hash: str, pair: ImportedPair) -> str:
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in (pair.text_a, pair.text_b)]
    return hashlib.sha256(" ".join([prompt_hash, *digests]).encode()).hexdigest()


def _ids_by(
    session: Session,
    key: InstrumentedAttribute[str] | InstrumentedAttribute[str | None],
    identity: InstrumentedAttribute[int],
    wanted: Iterable[str],
) -> dict[str, int]:
    return {
        found: row_id
        for chunk in chunks(wanted)
        for found, row_id in session.execute(select(key, identity).where(key.in_(chunk)))
        if found is not None
    }
