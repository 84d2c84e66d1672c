"""Take results home: preferences as a file, an adapter as an archive.

Files for download are made in the system's temporary folder: the data folder is never served.
"""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from app.services.context import Context
from storage.errors import InputError
from storage.exporters import choices
from storage.exporters.catalogue import FORMATS, format_named
from storage.exporters.choices import FilterChoices
from storage.exporters.exporting import count_rows, export_files, export_rows
from storage.exporters.filters import ExportFilter
from storage.schema.database import Database
from storage.training import adapters
from trainer.exporting import hub
from trainer.runs.manifest import adapter_path, check_manifest

DEFAULT_FORMAT = FORMATS[0].NAME
MAX_ROWS = 20_000
"""More rows than these are written to a file only."""


@dataclass(frozen=True)
class FormatChoice:
    """A format to export in, as a screen offers it."""

    name: str
    title: str
    purpose: str
    lacks: str


def format_choices() -> list[FormatChoice]:
    """All formats, the default first."""
    return [FormatChoice(found.NAME, found.TITLE, found.PURPOSE, found.LACKS) for found in FORMATS]


def export_preferences(
    context: Context,
    name: str = DEFAULT_FORMAT,
    filter: Mapping[str, Any] | None = None,
    *,
    into: Path | None = None,
) -> Path:
    """Write judged pairs in the format of this name: a file, or a zip of several files.

    `filter` has the fields of ExportFilter; without it all pairs are taken, held-out ones
    included. `into` is an empty folder; None makes one. Raises InputError for an unknown format
    or filter, and when there is no row.
    """
    kind, wanted = format_named(name), ExportFilter.from_dict(filter or {})
    folder = (into or download_folder()) / f"preferences-{name}"
    folder.mkdir()
    with context.database.read_scope() as session:
        export_files(session, folder, kind, wanted)
    files = list(folder.iterdir())
    if len(files) == 1 and files[0].is_file():
        return files[0]
    packed = Path(shutil.make_archive(str(folder), "zip", folder))
    shutil.rmtree(folder)
    return packed


def preference_rows(
    context: Context, name: str = DEFAULT_FORMAT, filter: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The rows that `export_preferences` would write; none is an empty list.

    Raises InputError for an unknown format or filter, and when there are more than MAX_ROWS.
    """
    kind, wanted = format_named(name), ExportFilter.from_dict(filter or {})
    with context.database.read_scope() as session:
        rows = list(islice(export_rows(session, kind, wanted), MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        raise InputError(
            f"More than {MAX_ROWS:,} rows are too many for one answer. Post the same arguments "
            "to /export_file for a file, or take more filters."
        )
    return rows


def num_rows(
    context: Context, name: str = DEFAULT_FORMAT, filter: Mapping[str, Any] | None = None
) -> int:
    """How many rows `export_preferences` would write."""
    wanted, database = ExportFilter.from_dict(filter or {}), context.database
    return _num_rows(database, database.num_commits, name, wanted)


@lru_cache(maxsize=32)
def _num_rows(database: Database, num_commits: int, name: str, wanted: ExportFilter) -> int:
    # Counting a million pairs takes a second, and the Data tab asks whenever it is opened.
    with database.read_scope() as session:
        return count_rows(session, format_named(name), wanted)


def filter_choices(context: Context) -> FilterChoices:
    """The values that a filter can be chosen from."""
    with context.database.read_scope() as session:
        return choices.filter_choices(session)


def publish_preferences(
    context: Context, repo_id: str, filter: Mapping[str, Any] | None = None, *, private: bool
) -> str:
    """Push judged pairs with a card to a dataset on the hub, and return its address.

    Raises InputError when the filter cannot be used or there is nothing to publish, TrainerError
    when the name or the token cannot be used or the hub is out of reach.
    """
    hub.check_target(repo_id)
    kind, wanted = format_named("hub"), ExportFilter.from_dict(filter or {})
    with tempfile.TemporaryDirectory(prefix="pairtune-publish-") as folder:
        with context.database.read_scope() as session:
            export_files(session, Path(folder), kind, wanted)
        message = "Preferences exported by PairTune"
        return hub.upload(Path(folder), repo_id, "dataset", private=private, message=message)


def adapter_archive(context: Context, adapter_id: int) -> Path:
    """Pack an adapter, or a full model that was trained, with its manifest into a zip file.

    Raises NotFoundError for an unknown adapter, TrainerError when its files are damaged.
    """
    with context.database.read_scope() as session:
        adapter = adapters.get_adapter(session, adapter_id)
    folder = adapter_path(context.settings.data_folder, adapter.folder)
    check_manifest(folder)
    name = f"{folder.name}-of-run-{adapter.run_id}"
    return Path(shutil.make_archive(str(download_folder() / name), "zip", folder))


def download_folder() -> Path:
    """Make a new, private folder for a file that a browser will fetch."""
    return Path(tempfile.mkdtemp(prefix="pairtune-download-"))
