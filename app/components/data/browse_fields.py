"""The fields that say what to look for in the data: kind of row, search, and filters."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from app.services.data import browsing
from app.services.outputs import transfer
from app.services.data.browsing import BrowseFilter
from app.services.context import Context
from app.wording.history import VERDICT_WORDS

KINDS = [("Prompts", "prompts"), ("Pairs", "pairs"), ("Verdicts", "verdicts")]
ANY = ("any", "")
STATE_WORDS = {
    "with_pairs": "with a pair",
    "without_pairs": "without a pair",
    "open": "wait for a verdict",
    "decided": "decided",
    "withdrawn": "withdrawn",
    "counts": "counts",
    "replaced": "replaced by a later one",
}
FIXED = {
    "split": [("train", "train"), ("held out", "heldout")],
    "origin": [("generated", "generated"), ("imported", "imported"), ("comparison", "comparison")],
    "verdict": [(words, verdict) for verdict, words in VERDICT_WORDS.items()],
}
LABELS = {
    "state": "State",
    "source": "Source",
    "tag": "Tag",
    "split": "Split",
    "round": "Round",
    "origin": "Pairs that were",
    "verdict": "Verdict",
    "labeller": "Labeller",
}


class BrowseFields:
    """The fields; what they say becomes a kind and a filter."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self) -> None:
        """Lay the fields out; which filters are shown depends on the kind of row."""
        with gr.Row(elem_classes=["actions", "browse-bar"]):
            self.kind = gr.Radio(
                KINDS, value="pairs", show_label=False, container=False, elem_id="data-kind"
            )
            self.search = gr.Textbox(
                elem_id="data-search",
                show_label=False,
                placeholder="Search: parts of words, all of them",
                container=False,
                max_lines=1,
            )
        with (
            gr.Accordion("Filters", open=False, elem_id="data-filters") as self.fold,
            gr.Row(elem_classes=["fields"]),
        ):
            shown = browsing.filter_names("pairs")
            self.filters = {
                name: gr.Dropdown(
                    self._choices(name, "pairs"),
                    value="",
                    label=label,
                    min_width=150,
                    visible=name in shown,
                    elem_id=f"data-filter-{name}",
                )
                for name, label in LABELS.items()
            }

    @property
    def inputs(self) -> list[Any]:
        """What `read` takes."""
        return [self.kind, self.search, *self.filters.values()]

    def read(self, kind: str, search: str, values: Sequence[Any]) -> BrowseFilter:
        """What the fields ask for; fields that the kind does not have are left out."""
        named = zip(self.filters, values, strict=True)
        shown = browsing.filter_names(kind)
        given = {name: value for name, value in named if name in shown and value not in (None, "")}
        return browsing.read_filter(kind, search, given)

    def for_kind(self, kind: str) -> dict[Any, Any]:
        """Updates that show the filters of a kind; the state begins anew."""
        shown = browsing.filter_names(kind)
        updates = {
            field: gr.Dropdown(visible=name in shown)
            for name, field in self.filters.items()
            if name != "state"
        }
        state = gr.Dropdown(self._choices("state", kind), value="", visible=True)
        return {**updates, self.filters["state"]: state}

    def with_choices(self) -> dict[Any, Any]:
        """Updates that let people choose from what is stored."""
        found = transfer.filter_choices(self._context)
        lists: dict[str, Sequence[Any]] = {
            "source": found.sources,
            "tag": found.tags,
            "labeller": found.labellers,
            "round": found.rounds,
        }
        return {
            self.filters[name]: gr.Dropdown([ANY, *((str(value), value) for value in values)])
            for name, values in lists.items()
        }

    def _choices(self, name: str, kind: str) -> list[tuple[str, str]]:
        if name == "state":
            return [ANY, *((STATE_WORDS[state], state) for state in browsing.states(kind))]
        return [ANY, *FIXED.get(name, [])]
