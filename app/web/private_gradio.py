"""All that PairTune needs of Gradio and that Gradio does not promise to keep. Written for 6.31.

Another version may have moved any of it: read each use here against Gradio's source, then raise
`WRITTEN_FOR`. No other module takes anything private from Gradio, FastAPI or Starlette.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
from fastapi import FastAPI
from gradio.components.api_component import Api
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder
from gradio.utils import get_function_params, get_upload_folder
from starlette.routing import Mount

WRITTEN_FOR = "6.31"

MAX_SESSIONS = 1000
"""The one that was used the longest ago is forgotten: a page then begins anew."""


class Page(gr.Blocks):
    """Blocks whose endpoints may be called over plain HTTP without their optional arguments.

    Gradio's own clients fill these in; a bare POST would be refused for having too few, and there
    is no public hook before that check.
    """

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        """Add the defaults of arguments that were left out at the end, then check as ever.

        One without a default becomes null, which the endpoint refuses by its name.
        """
        if all(isinstance(block, Api) for block in block_fn.inputs):
            left_out = get_function_params(block_fn.fn)[len(inputs) :]
            inputs.extend(
                default if has_default else None for _, has_default, default, _ in left_out
            )
        super().validate_inputs(block_fn, inputs)


class _Session(SessionState):
    """What one caller has in `gr.State`, and nothing of the page."""

    def __init__(self, blocks: gr.Blocks) -> None:
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks={}))


class _Sessions(StateHolder):
    """The sessions by their id, opened at their first use."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = _Session(self.blocks)
        return super().__getitem__(session_id)


def keep_sessions_small(app: FastAPI, page: gr.Blocks) -> None:
    """Let the page that is mounted in the application keep sessions that cost next to nothing.

    Gradio opens one for each caller, and for each plain HTTP call that names none. It describes
    every component of the page in it, for links to a page in a certain state: 35 ms and 0.8 MB,
    kept for the last 10,000 callers. Nothing here offers such links, and no setting leaves the
    description out; only `launch`, which we do not use, takes the number of sessions.
    """
    page.state_session_capacity = MAX_SESSIONS
    sessions = _Sessions()
    sessions.set_blocks(page)
    [mounted] = [
        route.app for route in app.routes if isinstance(route, Mount) and isinstance(route.app, App)
    ]
    mounted.state_holder = sessions


def upload_folder() -> Path:
    """Where uploaded files lie; the setting has an environment variable, its default no name."""
    return Path(get_upload_folder()).resolve()


def number_of(component: gr.blocks.Block) -> int:
    """A component's number on its page: no public attribute tells two components apart."""
    number: int = component._id
    return number
