"""Send to the page only what differs from what it shows already.

A screen that polls must not draw again what has not changed: it would close folds, move the
selection and make the page flicker.
"""

from collections.abc import Mapping
from typing import Any

from gradio.blocks import Block
from gradio.components import Component

Seen = dict[int, int]


def only_changes(seen: Seen, updates: Mapping[Component, Any]) -> tuple[Seen, dict[Component, Any]]:
    """Split off the updates that this page has not got yet.

    `seen` maps a component's id to the hash of what it was sent last; the first result is what to
    remember for the next call.
    """
    hashes = {component._id: hash(repr(_content(value))) for component, value in updates.items()}
    changed = {
        component: value
        for component, value in updates.items()
        if seen.get(component._id) != hashes[component._id]
    }
    return {**seen, **hashes}, changed


def _content(value: Any) -> Any:
    """What an update says; a component that stands for one is known by its arguments."""
    return value._constructor_args if isinstance(value, Block) else value
