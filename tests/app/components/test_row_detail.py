"""What an annotator sees of verdicts that only administrators may withdraw."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi import Request

from app.components.data.row_detail import NOT_ALLOWED, RowDetail
from app.services.context import Context, User
from app.web.server import open_context
from storage.enums import Role
from storage.schema.database import open_database
from storage.settings import Settings
from tests.sample_files import hh_rlhf
from tests.storage.importing_files import import_file


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    settings = Settings(data_folder=tmp_path / "data")
    opened = open_context(settings, open_database(settings))
    file = tmp_path / "twelve.jsonl"
    file.write_bytes(hh_rlhf())
    with opened.database.session_scope() as session:
        import_file(session, file, source="twelve.jsonl")
    yield opened
    opened.chat.close()
    opened.database.close()


def _opened(context: Context, role: Role) -> dict[str, Any]:
    """What opening verdict 3 sends to the page, by the element's id."""
    detail = RowDetail(context)
    with gr.Blocks() as page:
        detail.build()
    event = gr.SelectData(page, {"index": [0, 0], "value": "3", "row_value": ["3", "3"]})
    user = User(id=2, name="ann", role=role)
    request = gr.Request(Request({"type": "http", "user": user, "headers": []}))
    updates = detail.open("verdicts", event, request)
    return {
        getattr(component, "elem_id", None) or "reason": value
        for component, value in updates.items()
    }


def test_annotator_sees_the_buttons_disabled_and_why(context: Context) -> None:
    shown = _opened(context, Role.ANNOTATOR)
    assert not shown["data-withdraw"].interactive
    assert not shown["data-withdraw-all"].interactive
    assert NOT_ALLOWED in shown.values()


def test_administrator_can_withdraw_what_counts(context: Context) -> None:
    shown = _opened(context, Role.ADMIN)
    assert shown["data-withdraw"].interactive
    assert shown["data-withdraw-all"].interactive
    assert not shown["data-again"].visible
    assert NOT_ALLOWED not in shown.values()
