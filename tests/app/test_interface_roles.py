"""Every handler of the real interface checks who calls it, before anything else."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
import pytest
from fastapi import Request

from app import interface
from app.services.context import User
from app.web.server import open_context
from storage.enums import Role
from storage.schema.database import open_database
from storage.settings import Settings

Handler = Callable[..., Any]


@pytest.fixture(scope="module")
def handlers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Handler]]:
    """All Python functions that a caller can reach, by number and name."""
    settings = Settings(data_folder=tmp_path_factory.mktemp("roles") / "data")
    context = open_context(settings, open_database(settings))
    page = interface.build(context)
    yield {
        f"{number} {getattr(block.fn, '__qualname__', block.fn)}": block.fn
        for number, block in page.fns.items()
        if block.fn is not None
    }
    context.chat.close()
    context.database.close()


def _denial(handler: Handler, *arguments: Any) -> str:
    """What the handler says to a caller whom it denies; empty if it lets the caller in."""
    try:
        answer = handler(*arguments)
        if inspect.isgenerator(answer):
            next(answer)
    except gr.Error as error:
        return error.message if "Only the role" in error.message else ""
    except TypeError:
        # It went on to its own arguments, which are missing here.
        return ""
    return ""


def test_every_handler_names_a_role(handlers: dict[str, Handler]) -> None:
    assert handlers
    unmarked = [
        name
        for name, handler in handlers.items()
        if not isinstance(getattr(handler, "required_role", None), Role)
    ]
    assert unmarked == []


def test_every_handler_denies_a_caller_without_a_user(handlers: dict[str, Handler]) -> None:
    assert [name for name, handler in handlers.items() if not _denial(handler)] == []


def test_handlers_for_admins_deny_an_annotator(handlers: dict[str, Handler]) -> None:
    annotator = User(id=2, name="ann", role=Role.ANNOTATOR)
    request = gr.Request(Request({"type": "http", "user": annotator, "headers": []}))
    for_admins = {
        name: handler
        for name, handler in handlers.items()
        if getattr(handler, "required_role", None) is Role.ADMIN
    }
    assert for_admins
    assert [name for name, handler in for_admins.items() if not _denial(handler, request)] == []
