"""Sessions of Gradio's page that cost next to nothing.

Gradio opens a session for each caller, and for each plain HTTP call that names none. It describes
every component of the page in it, for links to a page in a certain state: 35 ms and 0.8 MB, kept
for the last 10,000 callers. Nothing here offers such links.
"""

from types import SimpleNamespace

from fastapi import FastAPI
from gradio.blocks import Blocks
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder
from starlette.routing import Mount

MAX_SESSIONS = 1000
"""The one that was used the longest ago is forgotten: a page then begins anew."""


class _Session(SessionState):
    """What one caller has in `gr.State`, and nothing of the page."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks={}))


class _Sessions(StateHolder):
    """The sessions by their id, opened at their first use."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = _Session(self.blocks)
        return super().__getitem__(session_id)


def keep_sessions_small(app: FastAPI, page: Blocks) -> None:
    """Let the page that is mounted in the application keep its sessions here."""
    page.state_session_capacity = MAX_SESSIONS
    sessions = _Sessions()
    sessions.set_blocks(page)
    [mounted] = [
        route.app for route in app.routes if isinstance(route, Mount) and isinstance(route.app, App)
    ]
    mounted.state_holder = sessions
