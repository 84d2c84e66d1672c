"""Preferences as a file over HTTP: for administrators, with the reasons when there is none."""

import contextlib
import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from app.services.context import Context, User
from app.services.imports import importing
from app.services.outputs import transfer
from app.web.downloads import add_downloads
from app.web.security import Guard
from app.web.server import open_context
from storage.enums import Role
from storage.importers.importing import ImportOptions
from storage.schema.database import open_database
from storage.settings import Settings
from tests.http_api import served
from tests.waiting import wait_until

ROWS = [{"prompt": f"问 {n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(3)]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """A project with three judged pairs."""
    folder = tmp_path_factory.mktemp("downloads")
    context = open_context(
        Settings(data_folder=folder / "data"), open_database(Settings(data_folder=folder / "data"))
    )
    path = folder / "judged.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    importing.import_source(
        context, _user(Role.ADMIN), importing.ImportSource(str(path)), ImportOptions(path.name)
    )
    yield context
    context.chat.close()
    context.database.close()


def _user(role: Role) -> User:
    return User(id=1, name="somebody", role=role)


@contextlib.contextmanager
def _serving(context: Context, role: Role) -> Iterator[str]:
    app = FastAPI()
    add_downloads(app, context)
    with served(Guard(app, user=_user(role))) as url:
        yield f"{url}/export_file"


@pytest.fixture(scope="module")
def url(context: Context) -> Iterator[str]:
    """Where an administrator fetches the file."""
    with _serving(context, Role.ADMIN) as found:
        yield found


def test_file_holds_the_rows_of_the_export(context: Context, url: str) -> None:
    answer = httpx.post(url)
    assert answer.status_code == 200
    assert 'filename="preferences.jsonl"' in answer.headers["content-disposition"]
    rows = [json.loads(line) for line in answer.content.decode().splitlines()]
    assert rows == transfer.preference_rows(context)
    assert len(rows) == 3


def test_format_and_filter_are_those_of_the_endpoint(url: str) -> None:
    answer = httpx.post(url, json={"format": "csv", "filter": {"sources": ["judged.jsonl"]}})
    assert answer.text.startswith("\ufeff")
    packed = httpx.post(url, json={"format": "datasets"})
    assert zipfile.ZipFile(io.BytesIO(packed.content)).testzip() is None
    nothing = httpx.post(url, json={"filter": {"rounds": [7]}})
    assert nothing.status_code == 400
    assert "nothing to export" in nothing.json()["error"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("[]", "must be a JSON object"),
        ("{", "must be a JSON object"),
        ('{"format": 7}', "format must be a text"),
        ('{"format": "excel"}', "no export format 'excel'"),
        ('{"filter": {"colour": "red"}}', "no filter colour"),
        ('{"formats": "csv"}', "knows no formats"),
    ],
)
def test_what_cannot_be_understood_is_said(url: str, body: str, reason: str) -> None:
    answer = httpx.post(url, content=body)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


def test_only_an_administrator_gets_the_file(context: Context) -> None:
    with _serving(context, Role.ANNOTATOR) as url:
        answer = httpx.post(url)
    assert answer.status_code == 403
    assert answer.json() == {"error": "Only the role admin may do this. Ask an administrator."}


def test_another_web_site_cannot_ask_for_it(url: str) -> None:
    assert httpx.post(url, headers={"origin": "http://evil.example"}).status_code == 403
    assert httpx.get(url).status_code == 405


def test_no_copy_is_left_on_the_server(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert httpx.post(url).status_code == 200
    assert httpx.post(url, json={"format": "excel"}).status_code == 400
    wait_until(lambda: not list(tmp_path.iterdir()), what="the cleaning up", timeout=10)
