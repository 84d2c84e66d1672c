"""Send to the page only what differs from what it shows already.

A screen that polls must not draw again what has not changed: it would close folds, move the
selection and make the page flicker.
"""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from app.web.private_gradio import number_of

Seen = dict[int, int]


def only_changes(seen: Seen, updates: Mapping[Any, Any]) -> tuple[Seen, dict[Any, Any]]:
    """Split off the updates that this page has not got yet.

    `seen` maps a component's number to the hash of what it was sent last; the first result is what
    to remember for the next call.
    """
    hashes = {number_of(component): hash(repr(_content(new))) for component, new in updates.items()}
    changed = {
        component: value
        for component, value in updates.items()
        if seen.get(number_of(component)) != hashes[number_of(component)]
    }
    return {**seen, **hashes}, changed


def _content(value: Any) -> Any:
    """What an update says; a component that stands for one is known by its arguments."""
    return value.constructor_args if isinstance(value, gr.blocks.Block) else value
