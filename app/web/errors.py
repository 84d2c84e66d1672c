"""Turn what a handler raises into one sentence for the person who clicked or called.

Every handler of the interface carries `@show_errors`, outermost. It knows nothing of what the
handlers do.
"""

import functools
import html
import inspect
import logging
import secrets
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import gradio as gr

from storage.errors import InputError
from trainer.errors import TrainerError

logger = logging.getLogger(__name__)

KNOWN_ERRORS = (InputError, TrainerError)


def show_errors(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Show what the handler raises on the page, and give it to callers over HTTP.

    A known error (`InputError`, `TrainerError`) is shown as it is, and stays until closed. Any
    other is logged with its traceback under a number, and the page gets that number alone.
    Works for plain functions and for generators.
    """
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def shown_steps(*args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from handler(*args, **kwargs)
            except Exception as error:
                _raise_for_the_page(error, handler)

        return shown_steps

    @functools.wraps(handler)
    def shown(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except Exception as error:
            _raise_for_the_page(error, handler)

    return shown


def _raise_for_the_page(error: Exception, handler: Callable[..., Any]) -> NoReturn:
    """Raise the Gradio error that carries the message; Gradio shows its text as HTML."""
    if isinstance(error, gr.Error):
        raise error
    if isinstance(error, KNOWN_ERRORS):
        message = str(error)
    else:
        number = secrets.token_hex(3)
        logger.error("Error %s in %s", number, handler.__qualname__, exc_info=error)
        message = (
            "Something went wrong that PairTune did not expect. Nothing you typed caused it; "
            f"the server's log tells more under error number {number}."
        )
    text = html.escape(message, quote=False)
    raise gr.Error(text, duration=None, print_exception=False) from None
