"""Back a whole project up into one archive, and restore it into an empty folder.

The archive is a zip: a copy of the database, what the run folders tell of their runs, adapters if
asked for, and manifest.json with the size and SHA-256 of each file. It holds password hashes and
whatever people wrote, so it is readable by its owner only.
"""

import hashlib
import json
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from app.services.context import Context
from app.services.outputs.transfer import download_folder
from storage.backup import check_database, copy_database
from storage.clock import utc_now
from storage.enums import RunKind
from storage.errors import InputError
from storage.schema.database import database_file
from trainer.runs.manifest import ADAPTER, FULL_MODEL

MANIFEST, DATABASE = "manifest.json", "pairtune.db"
FORMAT = 1
_CHUNK = 2**20  # bytes read at once
# Names of files that a backup may hold, and nothing else.
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_NAMES = re.compile(rf"{re.escape(DATABASE)}|runs/{_PART}/((adapter|model)/)?{_PART}")
# What reading an archive raises that is cut off, changed, or something else altogether.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, RuntimeError),
    *(ValueError, TypeError, LookupError, AttributeError),
)
_OF_THE_MOMENT = {"lock", "cancel"}


def back_up(database: Path, data_folder: Path, to: Path, *, with_adapters: bool = False) -> None:
    """Write one archive of a project, also while a server works on it.

    Args:
        database: the SQLite file.
        data_folder: the folder that holds `runs`.
        to: the archive; it appears only when it is complete.
        with_adapters: pack the runs' LoRA weights too; base models and checkpoints never are.

    Raises:
        InputError: there is no database, or the archive cannot be written; `to` stays as it was.
    """
    if to.exists():
        raise InputError(f"The file {to} exists already. Choose another name for the backup.")
    try:
        with tempfile.TemporaryDirectory(dir=to.parent, prefix=".pairtune-backup-") as working:
            copy, archive = Path(working, DATABASE), Path(working, "archive")
            copy_database(database, copy)
            _pack(archive, {DATABASE: copy} | _run_files(data_folder, with_adapters))
            os.replace(archive, to)
    except OSError as error:
        raise InputError(
            f"The backup {to} cannot be written: {error.strerror}. Choose another place for it."
        ) from error


def restore(archive: Path, data_folder: Path) -> None:
    """Unpack a backup into a data folder that is empty or does not exist yet.

    All of it is checked before the folder gets anything.

    Raises:
        InputError: the folder is not empty, or the archive is not a whole, sound backup.
    """
    if data_folder.exists() and (not data_folder.is_dir() or any(data_folder.iterdir())):
        raise InputError(
            f"The folder {data_folder} is not empty. A backup is restored into an empty one: name "
            "a new folder with --data."
        )
    try:
        data_folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=data_folder.parent, prefix=".pairtune-restore-"
        ) as working:
            unpacked = Path(working, "data")
            unpacked.mkdir(mode=0o700)
            with _sound_backup(archive):
                _unpack(archive, unpacked)
                check_database(unpacked / DATABASE)
            os.replace(unpacked, data_folder)
    except OSError as error:
        raise InputError(
            f"The backup {archive} cannot be restored to {data_folder}: {error.strerror}."
        ) from error


def backup_archive(context: Context, *, with_adapters: bool = False) -> Path:
    """Back the running project up into a file for download. Raises InputError."""
    settings, made_at = context.settings, utc_now()
    to = download_folder() / f"pairtune-backup-{made_at:%Y-%m-%d-%H%M}.zip"
    back_up(database_file(settings), settings.data_folder, to, with_adapters=with_adapters)
    return to


def _run_files(data_folder: Path, with_adapters: bool) -> dict[str, Path]:
    """By name in the archive, what lies directly in the run folders, and what they have trained.

    Merged models are left out: an export makes them again.
    """
    found = {}
    for run in sorted((data_folder / "runs").glob("*")):
        folders = [run, run / ADAPTER] if with_adapters else [run]
        if with_adapters and not run.name.endswith(f"-{RunKind.EXPORT}"):
            folders.append(run / FULL_MODEL)
        for path in (path for folder in folders for path in sorted(folder.glob("*"))):
            name = path.relative_to(data_folder).as_posix()
            is_wanted = path.is_file() and not path.is_symlink() and _NAMES.fullmatch(name)
            if is_wanted and path.name not in _OF_THE_MOMENT:
                found[name] = path
    return found


def _pack(archive: Path, files: dict[str, Path]) -> None:
    copied = {}
    with (
        _new_private_file(archive) as stream,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as packed,
    ):
        for name, path in files.items():
            with path.open("rb") as source, packed.open(name, "w", force_zip64=True) as to:
                copied[name] = _copy(source, to)
        manifest = {"format": FORMAT, "made_at": utc_now().isoformat(), "files": copied}
        packed.writestr(MANIFEST, json.dumps(manifest, indent=1))
        packed.close()
        stream.flush()
        os.fsync(stream.fileno())


def _new_private_file(path: Path) -> BinaryIO:
    """Open a new file that only its owner may read."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")


def _copy(source: Any, to: Any) -> dict[str, Any]:
    """Copy a stream, which may grow meanwhile, and return the size and SHA-256 of the copy."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        to.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    return {"size": size, "sha256": digest.hexdigest()}


@contextmanager
def _sound_backup(archive: Path) -> Iterator[None]:
    try:
        yield
    except (InputError, *_DAMAGE) as error:
        reason = str(error) if isinstance(error, InputError) else "It is damaged or cut off."
        raise InputError(
            f"{archive} is not a backup that can be restored. {reason} Fetch it again, or take "
            "another one."
        ) from error


def _unpack(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        manifest = json.loads(packed.read(MANIFEST))
        if manifest["format"] != FORMAT:
            raise InputError(f"It was made by a newer PairTune (format {manifest['format']}).")
        listed: dict[str, dict[str, Any]] = manifest["files"]
        names = [entry.filename for entry in packed.infolist()]
        if sorted(names) != sorted([*listed, MANIFEST]) or DATABASE not in listed:
            raise InputError("Its files are not those that its manifest names.")
        if wrong := [name for name in listed if not _NAMES.fullmatch(name)]:
            raise InputError(f"It holds a file with a name that no backup has: {wrong[0]!r:.80}.")
        for name, expected in listed.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(name) as source, _new_private_file(path) as to:
                if _copy(source, to) != expected:
                    raise InputError(f"Its file {name} is not as it was backed up.")
