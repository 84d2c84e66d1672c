"""The page: header, then the tabs in the order of the loop. Knows the screens, not what they do."""

from pathlib import Path
from typing import Any

import gradio as gr

from app.components.header import Header
from app.services.context import Context
from app.tabs.api import add_endpoints
from app.tabs.compare import CompareTab
from app.tabs.data import DataTab
from app.tabs.label import LabelTab
from app.tabs.prompts import PromptsTab
from app.tabs.statistics import StatisticsTab
from app.tabs.train import TrainTab
from app.web.private_gradio import Page

STATIC = Path(__file__).parent / "static"
STYLES = ("tokens.css", "style.css", "label.css")
SCRIPTS = ("shell.js", "hotkeys.js")
SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
MONO = ["ui-monospace", "SF Mono", "Menlo", "Consolas", "monospace"]


def build(context: Context) -> gr.Blocks:
    """The whole page over these services; mount it with `MOUNT_OPTIONS`."""
    train, compare = TrainTab(context), CompareTab(context)
    screens = (
        ("Prompts", PromptsTab(context)),
        ("Label", LabelTab(context)),
        ("Train", train),
        ("Compare", compare),
        ("Statistics", StatisticsTab(context)),
        ("Data", DataTab(context)),
    )
    with Page(title="PairTune", analytics_enabled=False, fill_width=True) as page:
        # First, so that no handler of a screen takes an endpoint's name.
        add_endpoints(context)
        Header(context).build(page)
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap"):
            for title, screen in screens:
                name = title.lower()
                with gr.Tab(title, id=name, elem_id=f"tab-{name}") as tab:
                    screen.build(page, tab)
        train.panel.compare_on(compare.choose, compare.outputs_of_choice())
    return page


def _theme() -> gr.themes.Base:
    """Neutral greys and one accent; the exact colours are variables in tokens.css."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.zinc,
        radius_size=gr.themes.sizes.radius_sm,
        spacing_size=gr.themes.sizes.spacing_sm,
        text_size=gr.themes.sizes.text_sm,
        font=SANS,
        font_mono=MONO,
    )


def _head() -> str:
    """Our styles and scripts, inline.

    Gradio's own `css` would be rewritten under a prefix, and its `js` is run with `eval`, which the
    content security policy forbids.
    """
    styles = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in STYLES)
    scripts = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return f"<style>{styles}</style><script>{scripts}</script>"


MOUNT_OPTIONS: dict[str, Any] = {"theme": _theme(), "head": _head(), "footer_links": []}
