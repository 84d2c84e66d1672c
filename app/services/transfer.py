"""Take results home: preferences as a file, an adapter as an archive.

Files for download are made in the system's temporary folder: the data folder is never served.
"""

import shutil
import tempfile
from pathlib import Path

from app.services.context import Context
from storage import adapters
from storage.errors import InputError
from storage.exporters import trl_conversational
from trainer import run_folder


def export_preferences(context: Context) -> Path:
    """Write all decided pairs, held-out ones included, in TRL's conversational format.

    Raises InputError when no pair is decided yet.
    """
    path = _download_folder() / "preferences.jsonl"
    with context.database.read_scope() as session:
        num_rows = trl_conversational.export_file(session, path)
    if not num_rows:
        raise InputError(
            "No pair has a chosen and a rejected answer yet, so there is nothing to export. "
            "Label some pairs first."
        )
    return path


def adapter_archive(context: Context, adapter_id: int) -> Path:
    """Pack an adapter with its manifest into a zip file.

    Raises NotFoundError for an unknown adapter, TrainerError when its files are damaged.
    """
    with context.database.read_scope() as session:
        adapter = adapters.get_adapter(session, adapter_id)
    folder = run_folder.adapter_path(context.settings.data_folder, adapter.folder)
    run_folder.check_manifest(folder)
    name = f"adapter-of-run-{adapter.run_id}"
    return Path(shutil.make_archive(str(_download_folder() / name), "zip", folder))


def _download_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="pairtune-download-"))
