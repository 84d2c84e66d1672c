"""A real database in a temporary data folder, and the local user, for the tests of services."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.services.context import Context, User
from storage.schema.database import open_database
from storage.settings import Settings
from storage.users import local_user
from trainer.chat.client import ChatClient


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """An empty project; its chat process is never started."""
    settings = Settings(data_folder=tmp_path / "data")
    database = open_database(settings)
    chat = ChatClient(settings.data_folder, settings.device)
    yield Context(settings=settings, database=database, chat=chat)
    chat.close()
    database.close()


@pytest.fixture
def user(context: Context) -> User:
    """The one person at a local server."""
    with context.database.session_scope() as session:
        row = local_user(session)
        return User(id=row.id, name=row.name, role=row.role)
