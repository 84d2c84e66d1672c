"""Stores what was understood of a file, with a few statements whatever its length."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.clock import utc_now
from storage.conversations import last_user_text
from storage.enums import CompletionOrigin, PairOrigin
from storage.importers.inserting import insert_rows, next_id, stored_json, stored_time
from storage.importers.parsed import ImportedPair, ImportedPrompt, Judgement
from storage.importers.understanding import Batch
from storage.importers.verdict_writing import Marks, chunks, store_verdicts
from storage.prompts import content_hash, split_of
from storage.tables import Completion, Pair, Prompt

_Item = ImportedPrompt | ImportedPair


@dataclass(frozen=True)
class _Known:
    """What the database had of some contents before they were stored."""

    ids: dict[str, int]
    """Ids by hash, also of what is new."""
    earlier: set[str]
    """Hashes of what another import or a person had stored."""
    new: set[str]


@dataclass
class _NewPair:
    """A pair that may have to be stored."""

    pair: ImportedPair
    prompt_id: int
    judgements: tuple[Judgement, ...] = ()


def store(session: Session, batch: Batch, marks: Marks) -> int:
    """Store prompts, pairs and verdicts that are not stored yet.

    Returns how many of the items another import or a person had stored before.

    Args:
        session: a session that writes.
        batch: what was understood and not stored yet.
        marks: what the rows are marked with.
    """
    items = [*batch.items, *batch.additions]
    digests = [*batch.prompt_hashes, *(content_hash(pair.messages) for pair in batch.additions)]
    prompts = _store_prompts(session, dict(zip(digests, items, strict=True)), marks)
    pairs: dict[str, _NewPair] = {}
    for digest, item in zip(digests, items, strict=True):
        if isinstance(item, ImportedPair):
            pair = pairs.setdefault(_import_hash(digest, item), _NewPair(item, prompts.ids[digest]))
            pair.judgements += item.judgements
    known = _store_pairs(session, pairs, {prompts.ids[new] for new in prompts.new}, marks)
    known_verdicts = store_verdicts(
        session,
        {known.ids[key]: pair.judgements for key, pair in pairs.items()},
        new_pairs={known.ids[key] for key in known.new},
        marks=marks,
    )
    num_prompts = sum(
        isinstance(item, ImportedPrompt) and digest in prompts.earlier
        for digest, item in zip(digests, items, strict=True)
    )
    return num_prompts + sum(
        not pairs[key].judgements or known.ids[key] in known_verdicts for key in known.earlier
    )


def _store_prompts(session: Session, wanted: Mapping[str, _Item], marks: Marks) -> _Known:
    ids, earlier = _stored(session, Prompt, Prompt.content_hash, wanted, marks)
    new = [digest for digest in wanted if digest not in ids]
    first = next_id(session, Prompt) if new else 0
    now = stored_time(utc_now())
    rows = []
    for row_id, digest in enumerate(new, start=first):
        item = wanted[digest]
        ids[digest] = row_id
        messages = [{"role": m["role"], "content": m["content"]} for m in item.messages]
        # A pair keeps its columns itself.
        details = item.metadata if isinstance(item, ImportedPrompt) else None
        rows.append(
            (
                row_id,
                stored_json(messages),
                last_user_text(messages),
                digest,
                marks.source,
                "[]",
                split_of(digest).value,
                stored_json(details) if details else None,
                marks.import_id,
                now,
            )
        )
    columns = (
        "id, messages, text, content_hash, source, tags, split, details, import_id, created_at"
    )
    insert_rows(session, "prompts", columns, rows)
    return _Known(ids, earlier, set(new))


def _store_pairs(
    session: Session, pairs: Mapping[str, _NewPair], new_prompts: set[int], marks: Marks
) -> _Known:
    ids, earlier = _stored(session, Pair, Pair.import_hash, pairs, marks)
    new = {key: found for key, found in pairs.items() if key not in ids}
    completions = _store_completions(session, _answers(new.values()), new_prompts)
    first = next_id(session, Pair) if new else 0
    now = stored_time(utc_now())
    rows = []
    for row_id, (key, found) in enumerate(new.items(), start=first):
        pair = found.pair
        ids[key] = row_id
        rows.append(
            (
                row_id,
                found.prompt_id,
                completions[found.prompt_id, pair.text_a],
                completions[found.prompt_id, pair.text_b],
                PairOrigin.IMPORTED.value,
                0,
                key,
                stored_json(pair.metadata) if pair.metadata else None,
                marks.import_id,
                now,
            )
        )
    columns = "id, prompt_id, completion_a, completion_b, origin, round, import_hash, details"
    insert_rows(session, "pairs", f"{columns}, import_id, created_at", rows)
    return _Known(ids, earlier, set(new))


def _answers(pairs: Iterable[_NewPair]) -> dict[tuple[int, str], str | None]:
    """Return the models of all answers by prompt and text."""
    return {
        (found.prompt_id, text): model
        for found in pairs
        for text, model in (
            (found.pair.text_a, found.pair.model_a),
            (found.pair.text_b, found.pair.model_b),
        )
    }


def _store_completions(
    session: Session, wanted: Mapping[tuple[int, str], str | None], new_prompts: set[int]
) -> dict[tuple[int, str], int]:
    """Return ids by prompt and text; answers of one prompt with the same text are one row.

    Args:
        session: a session that writes.
        wanted: by prompt and text, the model that the file names for the answer.
        new_prompts: ids of prompts that cannot have an answer yet.
    """
    old_prompts = dict.fromkeys(prompt for prompt, _ in wanted if prompt not in new_prompts)
    ids = _imported_completions(session, old_prompts)
    new = [key for key in wanted if key not in ids]
    first = next_id(session, Completion) if new else 0
    now = stored_time(utc_now())
    rows = []
    for row_id, key in enumerate(new, start=first):
        ids[key] = row_id
        rows.append((row_id, *key, CompletionOrigin.IMPORTED.value, wanted[key], now))
    insert_rows(session, "completions", "id, prompt_id, text, origin, model, created_at", rows)
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


def _import_hash(prompt_hash: str, pair: ImportedPair) -> str:
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in (pair.text_a, pair.text_b)]
    return hashlib.sha256(" ".join([prompt_hash, *digests]).encode()).hexdigest()


def _stored(
    session: Session,
    table: type[Prompt] | type[Pair],
    key: InstrumentedAttribute[str] | InstrumentedAttribute[str | None],
    wanted: Iterable[str],
    marks: Marks,
) -> tuple[dict[str, int], set[str]]:
    """Return the ids of what is stored, and which of it this import has not stored itself."""
    ids: dict[str, int] = {}
    earlier: set[str] = set()
    for chunk in chunks(wanted):
        query = select(key, table.id, table.import_id).where(key.in_(chunk))
        for found, row_id, stored_by in session.execute(query):
            if found is not None:
                ids[found] = row_id
                if stored_by is None or stored_by != marks.import_id:
                    earlier.add(found)
    return ids, earlier
