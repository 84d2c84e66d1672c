"""Reference log-probabilities on disk, so that a pair is computed once for each reference model.

One file holds the pairs of one reference model and is only ever appended to. Its records have one
size and a checksum each, so what a killed worker or a full disk leaves behind is overlooked, and
a lock lets several workers share it. Knows nothing of models; never imports torch.
"""

import errno
import fcntl
import hashlib
import json
import math
import os
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from trainer.recipes.tokens import PairTokens

# Raise this when the forward pass gives other values than before for the same tokens.
FORMAT = 3

_RECORD = struct.Struct("<32sdd")
_CHECKSUM = struct.Struct("<I")
_RECORD_BYTES = _RECORD.size + _CHECKSUM.size


class LogProbs(NamedTuple):
    """Log-probability of each whole answer under the reference model, in nats."""

    chosen: float
    rejected: float


@dataclass(frozen=True)
class Reference:
    """All that the values depend on besides the tokens."""

    base: str  # hash of the base model's weights
    adapter: str | None  # hash of the adapter under the reference
    quantization: dict[str, Any] | None  # bitsandbytes' arguments
    dtype: str  # that it computes in, for example bfloat16
    device: str  # cpu or cuda: they round differently

    def name(self) -> str:
        """Name of its file: a hash of the content."""
        content = json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True)
        return f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.bin"


class ReferenceCache:
    """The stored values of one reference model."""

    def __init__(self, folder: Path, reference: Reference) -> None:
        self._path = folder / "references" / reference.name()
        self._values = dict(_records(self._path))

    def get(self, key: bytes) -> LogProbs | None:
        """The values of the pair with this key, or None when nobody has computed them."""
        return self._values.get(key)

    def add(self, computed: Mapping[bytes, LogProbs], *, on_disk: bool = True) -> None:
        """Keep values, `on_disk` too unless another process does that (else OSError).

        Values that are not finite are given back by `get` but never stored.
        """
        self._values.update(computed)
        if not on_disk:
            return
        records = b"".join(
            _packed(key, values)
            for key, values in computed.items()
            if all(map(math.isfinite, values))
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = os.fstat(file.fileno()).st_size
            whole = end - end % _RECORD_BYTES  # a killed worker may have left part of a record
            os.ftruncate(file.fileno(), whole)
            if file.write(records) < len(records):
                os.ftruncate(file.fileno(), whole)
                raise OSError(errno.ENOSPC, "The disk is full", str(self._path))


def pair_key(pair: PairTokens) -> bytes:
    """Hash of a pair's tokens, which must be cut to the run's length already."""
    content = json.dumps([pair.prompt_ids, pair.chosen_ids, pair.rejected_ids])
    return hashlib.sha256(content.encode()).digest()


def weights_hash(files: Sequence[Path], memory: Path) -> str:
    """SHA-256 over a model's files, in their order.

    `memory` is a JSON file that remembers each file's hash by path, size and time of change, as
    reading all weights of a large model takes long.
    """
    known = _remembered(memory)
    found: dict[str, str] = {}
    for file in files:
        status = file.stat()
        mark = f"{file.resolve()} {status.st_size} {status.st_mtime_ns}"
        found[mark] = known.get(mark) or _sha256(file)
    if found.keys() - known.keys():
        memory.parent.mkdir(parents=True, exist_ok=True)
        partial = memory.with_name(f".{memory.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps({**known, **found}, indent=1), encoding="utf-8")
        partial.replace(memory)
    return hashlib.sha256(" ".join(found.values()).encode()).hexdigest()


def _records(path: Path) -> Iterable[tuple[bytes, LogProbs]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    for start in range(0, len(content) - _RECORD_BYTES + 1, _RECORD_BYTES):
        record = content[start : start + _RECORD.size]
        (checksum,) = _CHECKSUM.unpack_from(content, start + _RECORD.size)
        if zlib.crc32(record) == checksum:
            key, chosen, rejected = _RECORD.unpack(record)
            yield key, LogProbs(chosen, rejected)


def _packed(key: bytes, values: LogProbs) -> bytes:
    record = _RECORD.pack(key, *values)
    return record + _CHECKSUM.pack(zlib.crc32(record))


def _remembered(memory: Path) -> dict[str, str]:
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
