"""Build the web application out of its real parts, and serve it.

Knows the settings of Gradio, FastAPI and uvicorn; knows nothing of what the screens show.
"""

import contextlib
import gc
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from app import interface
from app.services.context import Context, User
from app.services.data.indexing import SearchIndexer
from app.services.imports import importing
from app.services.running.follower import RunFollower
from app.web.downloads import add_downloads
from app.web.private_gradio import keep_sessions_small
from app.web.security import MAX_UPLOAD_BYTES, Guard
from storage.data.prompts import load_starter_prompts
from storage.schema.database import Database
from storage.settings import Settings
from storage.users import local_user
from trainer import PROJECT
from trainer.chat.client import ChatClient
from trainer.models import model_source

MAX_WAITING_EVENTS = 256
EVENTS_AT_ONCE = 8
# How long open pages may keep a stopping server: their event streams never end by themselves.
GRACE_SECONDS = 2


def open_context(settings: Settings, database: Database) -> Context:
    """The parts that every use case works on."""
    chat = ChatClient(settings.data_folder, settings.device)
    return Context(settings=settings, database=database, chat=chat)


def build_app(context: Context, address: str) -> ASGIApp:
    """Mount the interface behind the guard; the lifespan keeps its threads and closes the parts."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        follower = RunFollower(context)
        indexer = SearchIndexer(context)
        follower.start()
        indexer.start()
        importing.clean_up(context)
        print(f"PairTune serves on {address}  (Ctrl-C stops it)", flush=True)
        try:
            yield
        finally:
            indexer.stop()
            follower.stop()
            context.chat.close()
            context.database.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    add_downloads(app, context)
    page = interface.build(context)
    gr.mount_gradio_app(
        app,
        page.queue(max_size=MAX_WAITING_EVENTS, default_concurrency_limit=EVENTS_AT_ONCE),
        path="/",
        show_error=False,
        max_file_size=MAX_UPLOAD_BYTES,
        allowed_paths=[],
        blocked_paths=[str(context.settings.data_folder.resolve())],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        **interface.MOUNT_OPTIONS,
    )
    keep_sessions_small(app, page)
    return Guard(app, user=_local_user(context))


def _local_user(context: Context) -> User:
    """Everybody who reaches a server on loopback is its one local admin; logins come later."""
    with context.database.session_scope() as session:
        row = local_user(session)
        return User(id=row.id, name=row.name, role=row.role)


def run_server(context: Context, listening: socket.socket, *, address: str) -> None:
    """Serve on the listening socket until a signal ends it."""
    _prepare_starter(context.settings)
    with context.database.session_scope() as session:
        load_starter_prompts(session)
    config = uvicorn.Config(
        build_app(context, address),
        log_level="warning",
        access_log=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    # What is here stays to the end: looked through again and again, it would hold all answers up.
    gc.freeze()
    gc.enable()
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


def _prepare_starter(settings: Settings) -> None:
    """Convert the starter model beside the server, once: the first page does not wait for it."""
    if (
        model_source.starter_gguf() is None
        or model_source.starter_folder(settings.data_folder).is_dir()
    ):
        return
    converting = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "trainer.models.loading",
            "--data",
            str(settings.data_folder.resolve()),
        ],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
    )
    threading.Thread(target=converting.wait, daemon=True).start()  # leaves no zombie
