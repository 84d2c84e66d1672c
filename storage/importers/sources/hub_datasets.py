"""Datasets of the hub: which files they hold, and their bytes, read block by block over HTTP.

Nothing is kept on this machine and no code of a dataset is ever run. The token comes from the
environment only: HF_TOKEN. huggingface_hub's HfFileSystem is as fast (50 MB at 50 ms a request in
about 1.5 s), but asks 2 requests more and notices a failing hub after 24 s instead of 4, so the
reader here stays (tests/benchmarks/hub_reading.py).
"""

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from storage.errors import InputError
from storage.importers.sources.dataset_parts import Dataset, parts_of

_PLACE = re.compile(r"([^@]+)(?:@(.+))?")
# The address of its page, or of its files for the hub's own file system.
_ADDRESS = re.compile(
    r"(?:(?:https?://[^/]+|hf:/)/)?datasets/([^/?#@]+/[^/?#@]+)(?:@([^/]+)(?:/.*)?|[/?#].*)?"
)
_CONVERTED = "refs/convert/parquet"
_LOOK_SECONDS = 6.0  # the library may wait 3 more for a request of its own
_BLOCK_SECONDS = 10.0
_MAX_RETRIES = 2  # of a block, after 1 and 2 seconds
_BLOCK_BYTES = 4 << 20


@dataclass(frozen=True)
class HubFile:
    """A file of a hub dataset, at one commit."""

    dataset: str
    commit: str
    name: str
    size: int

    def open(self) -> io.RawIOBase:
        """Open it; each block is a request of its own, tried again when it fails."""
        return _HubContent(self)


class _HubContent(io.RawIOBase):
    """The content of a file, of which only what is read is fetched."""

    def __init__(self, file: HubFile) -> None:
        self._file = file
        self._at = 0
        self._start = 0  # of the block in memory
        self._block = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = origin + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._file.size - self._at)
        if wanted <= 0:
            return 0
        within = self._at - self._start
        if not 0 <= within < len(self._block):
            self._block, self._start, within = self._fetched(wanted), self._at, 0
        content = self._block[within : within + wanted]
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

    def _fetched(self, wanted: int) -> bytes:
        """Return the block that begins here."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import (  # type: ignore[attr-defined]
            build_hf_headers,
            hf_raise_for_status,
            http_backoff,
        )

        file, end = self._file, min(self._at + max(wanted, _BLOCK_BYTES), self._file.size)
        url = hf_hub_url(file.dataset, file.name, repo_type="dataset", revision=file.commit)
        headers = {
            **build_hf_headers(token=_token()),
            "Range": f"bytes={self._at}-{end - 1}",
            # The bytes of the file as it lies there, which is what a range counts.
            "Accept-Encoding": "identity",
        }
        with _in_words(file.dataset):
            response = http_backoff(
                "GET", url, headers=headers, timeout=_BLOCK_SECONDS, max_retries=_MAX_RETRIES
            )
            hf_raise_for_status(response)
        block: bytes = response.content
        if len(block) == end - self._at:
            return block
        raise InputError(
            f"The hub sends another part of {file.name} of {file.dataset} than was asked for, so "
            "it cannot be read from there. Download the file and import it."
        )


def hub_dataset(place: str) -> Dataset:
    """Look up which files a dataset has, without reading them; takes under 10 seconds.

    Args:
        place: owner/name, owner/name@revision (a branch, tag or commit), or its page's address.

    Raises:
        InputError: there is none of this name or revision, it may not be read, it needs code of
            its own, it holds no file of rows, or the hub cannot be reached.
    """
    from huggingface_hub import HfApi

    found_in_place = _ADDRESS.fullmatch(place) or _PLACE.fullmatch(place)
    name, revision = found_in_place.groups() if found_in_place else (place, None)
    with _in_words(name, revision):
        found = HfApi(token=_token()).dataset_info(
            name, revision=revision, timeout=_LOOK_SECONDS, files_metadata=True
        )
    files = {
        sibling.rfilename: HubFile(name, str(found.sha), sibling.rfilename, sibling.size or 0)
        for sibling in found.siblings or []
    }
    if f"{PurePosixPath(found.id).name}.py" in files:
        raise InputError(
            f"{name} is read by a program of its own, and PairTune runs no code of datasets. "
            f"Perhaps the hub keeps it as parquet: try {name}@{_CONVERTED}."
        )
    parts = parts_of(files, found.card_data.get("configs") if found.card_data else None)
    if not parts:
        raise InputError(
            f"{name} holds no file of rows that PairTune reads: parquet, jsonl, json, csv, tsv or "
            "Arrow. Download what it has and convert it."
        )
    return Dataset(
        name,
        {
            subset: {split: [files[name] for name in names] for split, names in splits.items()}
            for subset, splits in parts.items()
        },
    )


def _token() -> str | bool:
    """Return the token, or False: no other token of this machine is looked for."""
    return os.environ.get("HF_TOKEN") or False


@contextmanager
def _in_words(name: str, revision: str | None = None) -> Iterator[None]:
    """Turn what the hub library raises into InputErrors."""
    import httpx2  # the hub library's own
    from huggingface_hub import errors

    way_out = "or download its files elsewhere and import them"
    try:
        yield
    except errors.HFValidationError as error:
        raise InputError(
            f"{name!r:.100} is no name of a hub dataset. Write it as owner/name, or write a folder "
            "of this machine with its whole path, from / on."
        ) from error
    except errors.GatedRepoError as error:
        raise InputError(
            f"{name} is gated: its owner gives access. Ask for it on the hub, and start PairTune "
            "with HF_TOKEN, a token of the account that may read it."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise InputError(f"{name} has no revision {revision!r:.100}. Check it.") from error
    except errors.RepositoryNotFoundError as error:
        raise InputError(
            f"The hub has no dataset {name}, or a private one. Check the name; for a private one "
            "start PairTune with HF_TOKEN, a token that may read it."
        ) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise InputError(
                f"The hub refuses to let {name} be read with this HF_TOKEN. Use another token."
            ) from error
        raise InputError(
            f"The hub answers with an error ({status}) about {name}. Try again later, {way_out}."
        ) from error
    except (httpx2.HTTPError, OSError) as error:
        raise InputError(
            f"The hub cannot be reached to read {name}. Check the connection, {way_out}."
        ) from error
