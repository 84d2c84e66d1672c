"""Stores what was prepared of a file, with a few statements whatever its length."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.clock import utc_now
from storage.enums import CompletionOrigin, PairOrigin
from storage.errors import InputError
from storage.importers.preparing import Prepared, PreparedPair, PreparedPrompt, prepare
from storage.importers.report import ImportReport
from storage.importers.sources.reading import Row
from storage.importers.understanding import understand
from storage.importing.inserting import insert_rows, new_ids, stored_time
from storage.importing.verdict_writing import Marks, chunks, store_verdicts
from storage.schema.tables import Completion, Pair, Prompt


@dataclass(frozen=True)
class _Known:
    """What the database had of some contents before they were stored."""

    ids: dict[str, int]
    """Ids by hash, also of what is new."""
    earlier: set[str]
    """Hashes of what another import or a person had stored."""
    new: list[str]


def store(session: Session, prepared: Prepared, marks: Marks) -> int:
    """Store prompts, pairs and verdicts that are not stored yet.

    Returns how many of the items another import or a person had stored before.

    Args:
        session: a session that writes.
        prepared: what was understood and not stored yet.
        marks: what the rows are marked with.
    """
    prompts = _store_prompts(session, prepared.prompts, marks)
    pairs = prepared.pairs
    known = _store_pairs(session, pairs, prompts, marks)
    known_verdicts = store_verdicts(
        session,
        {known.ids[key]: pair.judgements for key, pair in pairs.items()},
        new_pairs={known.ids[key] for key in known.new},
        marks=marks,
    )
    return sum(digest in prompts.earlier for digest in prepared.alone) + sum(
        not pairs[key].judgements or known.ids[key] in known_verdicts for key in known.earlier
    )


def import_text(session: Session, text: str, *, source: str) -> ImportReport:
    """Store each line of a text that is not empty as a prompt.

    Raises:
        InputError: there is no line that can be used; nothing is stored.
    """
    understood = understand(_lines(text))
    if not understood.items:
        raise InputError("There is no prompt in this text. Write one prompt a line.")
    existing = store(session, prepare(understood.batch()), Marks(source, verdicts_by=source))
    return understood.report(num_existing=existing)


def _store_prompts(session: Session, wanted: Mapping[str, PreparedPrompt], marks: Marks) -> _Known:
    ids, earlier = _stored(session, Prompt, Prompt.content_hash, wanted, marks)
    new = [digest for digest in wanted if digest not in ids]
    ids |= new_ids(session, Prompt, new)
    shared = (marks.source, "[]", marks.import_id, stored_time(utc_now()))
    columns = (
        "id, content_hash, messages, text, split, details, source, tags, import_id, created_at"
    )
    rows = [(ids[digest], digest, *wanted[digest], *shared) for digest in new]
    insert_rows(session, "prompts", columns, rows)
    return _Known(ids, earlier, new)


def _store_pairs(
    session: Session, pairs: Mapping[str, PreparedPair], prompts: _Known, marks: Marks
) -> _Known:
    new_prompts = set(prompts.new)
    hashes = {key: _import_hash(prompts.ids[pair.prompt], key) for key, pair in pairs.items()}
    # A prompt that is new has no pair yet, so that there is nothing to look for.
    may_be_stored = {
        hashes[key]: key for key, pair in pairs.items() if pair.prompt not in new_prompts
    }
    stored, earlier = _stored(session, Pair, Pair.import_hash, may_be_stored, marks)
    ids = {may_be_stored[found]: pair_id for found, pair_id in stored.items()}
    new = [key for key in pairs if key not in ids]
    completions = _store_completions(session, [pairs[key] for key in new], prompts)
    ids |= new_ids(session, Pair, new)
    shared = (PairOrigin.IMPORTED.value, 0, marks.import_id, stored_time(utc_now()))
    rows = []
    for key in new:
        pair = pairs[key]
        prompt_id = prompts.ids[pair.prompt]
        a, b = completions[prompt_id, pair.text_a], completions[prompt_id, pair.text_b]
        rows.append((ids[key], hashes[key], prompt_id, a, b, pair.details, *shared))
    columns = "id, import_hash, prompt_id, completion_a, completion_b, details"
    insert_rows(session, "pairs", f"{columns}, origin, round, import_id, created_at", rows)
    return _Known(ids, {may_be_stored[found] for found in earlier}, new)


def _import_hash(prompt_id: int, content: str) -> str:
    """Return what a pair is found by when its file comes again.

    Beginning with the prompt's id, those of new pairs stand beside each other in their index;
    hashes alone would change a page of it for every row.
    """
    return f"{prompt_id:016x}{content[:48]}"


def _store_completions(
    session: Session, pairs: Iterable[PreparedPair], prompts: _Known
) -> dict[tuple[int, str], int]:
    """Return ids by prompt and text; answers of one prompt with the same text are one row."""
    wanted: dict[tuple[int, str], str | None] = {}
    for pair in pairs:
        prompt_id = prompts.ids[pair.prompt]
        wanted[prompt_id, pair.text_a] = pair.model_a
        wanted[prompt_id, pair.text_b] = pair.model_b
    new_prompts = {prompts.ids[digest] for digest in prompts.new}
    old_prompts = dict.fromkeys(prompt for prompt, _ in wanted if prompt not in new_prompts)
    ids = _imported_completions(session, old_prompts)
    new = [key for key in wanted if key not in ids]
    ids |= new_ids(session, Completion, new)
    shared = (CompletionOrigin.IMPORTED.value, stored_time(utc_now()))
    rows = [(ids[key], *key, wanted[key], *shared) for key in new]
    insert_rows(session, "completions", "id, prompt_id, text, model, origin, created_at", rows)
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


def _lines(text: str) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, {"prompt": line.removesuffix("\r")}
