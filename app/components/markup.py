"""The one way in which markup of our own reaches the page, and small labelled pieces of text.

`gr.HTML` builds its template with `Function()`, which the content security policy forbids; so our
own markup goes through Markdown with its sanitising switched off. It takes numbers and fixed words
only. Whatever a person, a file or a model wrote goes to `model_text`, which sanitises.
"""

from typing import Any

import gradio as gr

from app.wording.hints import hint


def own_markup(
    elem_id: str | None, value: str = "", *, elem_classes: list[str] | None = None
) -> gr.Markdown:
    """A place for markup that PairTune made from numbers and fixed words."""
    return gr.Markdown(
        value,
        elem_id=elem_id,
        elem_classes=["own-markup", *(elem_classes or [])],
        sanitize_html=False,
        latex_delimiters=[],
    )


def model_text(
    elem_id: str | None = None, value: str = "", *, elem_classes: list[str] | None = None
) -> gr.Markdown:
    """A place for text of a person or a model: sanitised Markdown that keeps line ends."""
    return gr.Markdown(
        value,
        elem_id=elem_id,
        elem_classes=["model-text", *(elem_classes or [])],
        sanitize_html=True,
        line_breaks=True,
        latex_delimiters=[],
    )


def sentence(
    value: str = "",
    *,
    elem_id: str | None = None,
    elem_classes: list[str] | None = None,
    visible: bool = True,
) -> gr.Markdown:
    """A line of interface text; sanitised, since names and messages may be part of it."""
    return gr.Markdown(
        value,
        elem_id=elem_id,
        elem_classes=["sentence", *(elem_classes or [])],
        latex_delimiters=[],
        visible=visible,
    )


def heading(text: str, help_text: str = "") -> gr.Markdown:
    """A section's heading, with the field's word explained behind a small "?"."""
    return own_markup(None, f"<h3>{text}{hint(help_text)}</h3>", elem_classes=["heading"])


def table(elem_id: str, headers: list[str], **look: Any) -> gr.Dataframe:
    """A table of plain text; `look` is its height, column widths and visibility."""
    fixed = {"datatype": "str", "type": "array", "interactive": False}
    plain = {"show_label": False, "buttons": []}
    return gr.Dataframe(headers=headers, elem_id=elem_id, **fixed, **plain, **look)


def progress_bar(label: str, done: int | None, total: int | None) -> str:
    """How much is done, as a thin bar with its number for screen readers."""
    percent = min(100, round(100 * done / total)) if done and total else 0
    return (
        f'<div class="bar" role="progressbar" aria-label="{label}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{percent}">'
        f'<span style="width:{percent}%"></span></div>'
    )
