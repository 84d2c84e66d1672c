"""The panel that takes preferences home: format, filters, how many rows, and the download."""

from typing import Any

import gradio as gr

from app.components.events import PRIVATE
from app.components.download import Download
from app.components.markup import heading, sentence
from app.web.errors import show_errors
from app.wording.text import escaped, plural
from app.web.security import require
from app.services.outputs import transfer
from app.services.context import Context
from storage.enums import LabellerKind, PairOrigin, Split

KINDS = {
    LabellerKind.HUMAN: "people",
    LabellerKind.LLM_JUDGE: "LLM judges",
    LabellerKind.REWARD_MODEL: "reward models",
    LabellerKind.IMPORTED: "imported files",
}
ORIGINS = {
    PairOrigin.GENERATED: "generated",
    PairOrigin.IMPORTED: "imported",
    PairOrigin.COMPARISON: "comparisons",
}
SPLITS = {Split.TRAIN: "train", Split.HELDOUT: "held out"}
OF_PERCENT = "min_agreement"


class ExportPanel:
    """Widgets and handlers of the panel."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._formats = {choice.name: choice for choice in transfer.format_choices()}

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the panel out; rows are counted when the tab opens and when a choice changes."""
        heading("Preferences")
        choices = [(choice.title, choice.name) for choice in self._formats.values()]
        self._format = gr.Dropdown(
            choices, value=transfer.DEFAULT_FORMAT, label="Format", elem_id="data-export-format"
        )
        about = self._about(transfer.DEFAULT_FORMAT)
        self._purpose = sentence(about, elem_id="data-export-purpose", elem_classes=["muted"])
        with gr.Accordion("Filters", open=False, elem_id="data-export-filters") as self._fold:
            self._filters = {
                **self._verdict_filters(),
                **self._pair_filters(),
                **self._number_filters(),
            }
        with gr.Row(elem_classes=["actions"]):
            self._download_button = gr.Button(
                "Download preferences", variant="primary", elem_id="data-export", interactive=False
            )
            self._count = sentence(elem_id="data-export-count", elem_classes=["muted"])
        self._build_publishing()
        self._download = Download("data-file")
        self._wire(tab)

    def _verdict_filters(self) -> dict[str, Any]:
        rows = gr.Radio(
            [("a pair, by all its verdicts", "pairs"), ("a verdict", "verdicts")],
            value="pairs",
            label="A row is",
            elem_id="data-export-rows",
        )
        with gr.Row(elem_classes=["fields"]):
            kinds = _several("Verdicts of", [(text, kind.value) for kind, text in KINDS.items()])
            split = gr.Dropdown(
                [("both", ""), *((text, split.value) for split, text in SPLITS.items())],
                value="",
                label="Split",
                min_width=140,
            )
        with gr.Row(elem_classes=["fields"]):
            labellers = _several("Only these labellers")
            without = _several("Without these labellers")
        with gr.Row(elem_classes=["fields"]):
            since, until = (
                gr.Textbox(
                    label=label, placeholder="YYYY-MM-DD", min_width=140, elem_id=f"data-{name}"
                )
                for label, name in (("Given since", "since"), ("Given until", "until"))
            )
        who = {"labeller_kinds": kinds, "labellers": labellers, "without_labellers": without}
        return {"rows": rows, **who, "split": split, "since": since, "until": until}

    def _pair_filters(self) -> dict[str, Any]:
        with gr.Row(elem_classes=["fields"]):
            sources, tags = _several("Prompts from"), _several("Prompts with a tag of")
        with gr.Row(elem_classes=["fields"]):
            origins = _several("Pairs", [(text, origin.value) for origin, text in ORIGINS.items()])
            rounds = _several("Rounds")
        return {"sources": sources, "tags": tags, "origins": origins, "rounds": rounds}

    def _number_filters(self) -> dict[str, Any]:
        agreement = gr.Slider(
            0,
            100,
            value=0,
            step=5,
            label="Verdicts on a pair that agree, at least (%)",
            elem_id="data-export-agreement",
        )
        return {OF_PERCENT: agreement}

    def _build_publishing(self) -> None:
        with gr.Accordion("Publish to a model hub", open=False, elem_id="data-publish"):
            sentence(
                "Pushes these rows with a card as a dataset. The token is read from the server's "
                "environment variable HF_TOKEN.",
                elem_classes=["muted", "small"],
            )
            with gr.Row(elem_classes=["fields"]):
                self._repo = gr.Textbox(
                    label="Dataset", placeholder="owner/name", elem_id="data-publish-name"
                )
                self._private = gr.Checkbox(True, label="Private", min_width=100)
            with gr.Row(elem_classes=["actions"]):
                self._publish = gr.Button("Publish", elem_id="data-publish-start")
                self._published = sentence(elem_id="data-published", elem_classes=["muted"])

    @property
    def wanted(self) -> list[Any]:
        """The fields that `count` reads."""
        return [self._format, *self._filters.values()]

    @property
    def counted(self) -> list[Any]:
        """What `count` updates."""
        return [self._count, self._download_button]

    def _wire(self, tab: gr.Tab) -> None:
        values = list(self._filters.values())
        wanted, counted = self.wanted, self.counted
        listed = [self._filters[name] for name in ("labellers", "without_labellers")]
        listed += [self._filters[name] for name in ("sources", "tags", "rounds")]
        tab.select(self.count, wanted, counted, **PRIVATE)
        self._fold.expand(self.list_choices, None, listed, **PRIVATE)
        self._format.input(self.describe, self._format, self._purpose, **PRIVATE)
        for field in wanted:
            # A day is read once it is typed, not while.
            event = {gr.Slider: "release", gr.Textbox: "blur"}.get(type(field), "change")
            getattr(field, event)(
                self.count, wanted, counted, trigger_mode="always_last", **PRIVATE
            )
        self._download_button.click(self.export, wanted, self._download.outputs(), **PRIVATE)
        publishing = [self._repo, self._private, *values]
        self._publish.click(self.publish, publishing, self._published, **PRIVATE)

    @show_errors
    @require("annotator")
    def count(self, request: gr.Request, name: str, *values: Any) -> dict[Any, Any]:
        """Say how many rows would be written."""
        number = transfer.num_rows(self._context, name, self._filter(values))
        return {
            self._count: plural(number, "row"),
            self._download_button: gr.Button(interactive=bool(number)),
        }

    @show_errors
    @require("annotator")
    def describe(self, name: str, request: gr.Request) -> str:
        """Say what the format is for, and what it cannot carry."""
        return self._about(name)

    @show_errors
    @require("annotator")
    def list_choices(self, request: gr.Request) -> dict[Any, Any]:
        """Fill the filters with what there is."""
        found = transfer.filter_choices(self._context)
        lists = {
            "labellers": found.labellers,
            "without_labellers": found.labellers,
            "sources": found.sources,
            "tags": found.tags,
            "rounds": found.rounds,
        }
        return {self._filters[name]: gr.Dropdown(choices) for name, choices in lists.items()}

    @show_errors
    @require("admin")
    def export(self, request: gr.Request, name: str, *values: Any) -> dict[Any, Any]:
        """Write the preferences to a file for the browser."""
        path = transfer.export_preferences(self._context, name, self._filter(values))
        return self._download.offer(path)

    @show_errors
    @require("admin")
    def publish(self, request: gr.Request, repo_id: str, private: bool, *values: Any) -> str:
        """Push the preferences to the hub."""
        address = transfer.publish_preferences(
            self._context, repo_id.strip(), self._filter(values), private=private
        )
        return f"Published at {escaped(address)}"

    def _about(self, name: str) -> str:
        choice = self._formats[name]
        return f"{choice.purpose} {choice.lacks}"

    def _filter(self, values: tuple[Any, ...]) -> dict[str, Any]:
        """What the fields say, without those left open."""
        named = dict(zip(self._filters, values, strict=True))
        named[OF_PERCENT] = named[OF_PERCENT] / 100
        return {
            name: value.strip() if isinstance(value, str) else value
            for name, value in named.items()
            if value not in (None, "", [])
        }


def _several(label: str, choices: list[Any] | None = None) -> gr.Dropdown:
    """A field that takes several values; without any it filters nothing."""
    return gr.Dropdown(choices or [], value=[], multiselect=True, label=label, min_width=180)
