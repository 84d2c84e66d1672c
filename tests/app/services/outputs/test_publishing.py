"""Preferences published to a hub come back from it as they were, with their card."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from app.services.context import Context, User
from app.services.imports import importing
from app.services.imports.importing import ImportOptions, ImportSource, Part
from storage.exporters.catalogue import format_named
from storage.exporters.exporting import export_rows
from storage.exporters.filters import ExportFilter
from tests.hub_server import files_of, serving
from tests.sample_files import hh_rlhf
from tests.server_process import PROJECT

TOKEN = "hf_" + "w" * 34
PUBLISH = """
import sys
from pathlib import Path
from app.services.imports import importing
from app.services.outputs import transfer
from app.services.context import Context, User
from storage.importers.importing import ImportOptions
from storage.schema.database import open_database
from storage.settings import Settings
from storage.users import local_user
from trainer.chat.client import ChatClient

settings = Settings(data_folder=Path(sys.argv[1]))
database = open_database(settings)
context = Context(settings, database, ChatClient(settings.data_folder, settings.device))
with database.session_scope() as session:
    row = local_user(session)
    user = User(id=row.id, name=row.name, role=row.role)
source = importing.ImportSource(sys.argv[2])
importing.import_source(context, user, source, ImportOptions("hh"))
print(transfer.publish_preferences(context, "me/pairs", private=False))
"""


def _rows(context: Context) -> list[dict[str, object]]:
    wanted = ExportFilter()
    with context.database.read_scope() as session:
        kind = format_named("trl_conversational")
        return [
            {name: row[name] for name in ("prompt", "chosen", "rejected", "split")}
            for row in export_rows(session, kind, wanted)
        ]


def test_published_preferences_come_back_as_they_were(
    context: Context, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(hh_rlhf(tuple(f"Question {number}?" for number in range(60))))
    with serving() as hub:
        hub.writers.add(TOKEN)
        for name, value in (("HF_ENDPOINT", hub.url), ("HF_TOKEN", TOKEN), ("HF_HUB_OFFLINE", "0")):
            monkeypatch.setenv(name, value)
        # LFS objects go by plain HTTP where the hub library's own storage protocol is off.
        published = subprocess.run(
            [sys.executable, "-c", PUBLISH, str(tmp_path / "publisher"), str(file)],
            cwd=PROJECT,
            env={**os.environ, "HF_HUB_DISABLE_XET": "1"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert published.stdout == f"{hub.url}/datasets/me/pairs\n", published.stderr
        repo = hub.repos["datasets", "me/pairs"]
        assert set(repo.files) == {"README.md", "data/train.parquet", "data/test.parquet"}
        card = repo.files["README.md"].decode()
        for split in ("train", "test"):
            content = io.BytesIO(repo.files[f"data/{split}.parquet"])
            assert f"{parquet.read_table(content).num_rows} in `{split}`" in card
            part = Part("default", split)
            source = ImportSource("me/pairs", part)
            importing.import_source(context, user, source, ImportOptions("me/pairs"))
    importing.import_source(
        context, user, importing.ImportSource(str(file)), ImportOptions("hh")
    )  # adds nothing
    rows = _rows(context)
    assert len(rows) == 60
    assert {str(row["split"]) for row in rows} == {"train", "heldout"}
    written = {**files_of(tmp_path / "publisher"), **repo.files}
    assert [name for name, content in written.items() if TOKEN.encode() in content] == []
    assert TOKEN not in published.stdout + published.stderr
