"""What a file has said already: a temporary file of short digests, so that memory stays small."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from storage.enums import Verdict
from storage.importers.joining.temporary_tables import temporary_tables
from storage.importers.parsed import ImportedPair, ImportedPrompt

_DIGEST_BYTES = 16

Key = tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """What is kept of a prompt or pair that was there before."""

    verdict: Verdict | None
    annotators: tuple[str | None, ...]


class SeenContents:
    """Contents by their key, in a temporary file."""

    def __init__(self) -> None:
        """Make a table on the disk, as a file may have more contents than memory holds."""
        self._rows = temporary_tables(
            "CREATE TABLE seen (digest BLOB PRIMARY KEY, verdict TEXT, annotators TEXT) "
            "WITHOUT ROWID"
        )
        self._is_empty = True

    def add(self, contents: Iterable[tuple[Key, ImportedPrompt | ImportedPair]]) -> None:
        """Remember contents that are not there yet."""
        self._is_empty = False
        self._rows.executemany(
            "INSERT INTO seen VALUES (?, ?, ?)",
            ((_digest(key), *_verdict_and_annotators(item)) for key, item in contents),
        )

    def find(self, key: Key) -> Seen | None:
        """Return what was there with this key, or None."""
        if self._is_empty:
            return None
        found = self._rows.execute(
            "SELECT verdict, annotators FROM seen WHERE digest = ?", (_digest(key),)
        ).fetchone()
        if found is None:
            return None
        verdict, annotators = found
        return Seen(Verdict(verdict) if verdict else None, tuple(json.loads(annotators or "[]")))

    def note_annotators(self, key: Key, seen: Seen, more: Iterable[str | None]) -> None:
        """Remember annotators who came later."""
        self._rows.execute(
            "UPDATE seen SET annotators = ? WHERE digest = ?",
            (json.dumps([*seen.annotators, *more]), _digest(key)),
        )


def _digest(key: Key) -> bytes:
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for part in key:
        content = part.encode()
        digest.update(len(content).to_bytes(8))
        digest.update(content)
    return digest.digest()


def _verdict_and_annotators(item: ImportedPrompt | ImportedPair) -> tuple[str | None, str | None]:
    if isinstance(item, ImportedPrompt):
        return None, None
    annotators = [judgement.annotator for judgement in item.annotations]
    return item.verdict, json.dumps(annotators) if annotators else None
