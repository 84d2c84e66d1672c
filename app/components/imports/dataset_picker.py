"""The fields that name a dataset, on the hub or in a folder, and choose a part of it."""

from typing import Any

import gradio as gr

from app.services.imports.importing import ImportSource, Part, find_dataset


class DatasetPicker:
    """A name, a button that looks into it, and the choice of subset and split once that is known.

    Its panel wires the events, since what was found changes the panel as a whole.
    """

    def build(self) -> None:
        """Lay the fields out; only the name and the button are seen at first."""
        with gr.Row(elem_classes=["dataset-way"]):
            self.name = gr.Textbox(
                label="or a hub dataset, or a folder on the server",
                placeholder="owner/name, or /path/of/the/folder",
                elem_id="prompts-dataset",
                max_lines=1,
                min_width=220,
                scale=3,
            )
            self.look = gr.Button(
                "Look into it", elem_id="prompts-dataset-look", scale=0, min_width=120
            )
        with gr.Row(elem_classes=["fields", "dataset-parts"]):
            self.subset, self.split = (
                gr.Dropdown(
                    [], label=label, elem_id=f"prompts-dataset-{name}", visible=False, min_width=140
                )
                for name, label in (("subset", "Subset"), ("split", "Split"))
            )
        self.known = gr.State("")

    @property
    def fields(self) -> list[gr.components.Component]:
        """What says which part of which dataset is wanted, and the name that was looked up."""
        return [self.name, self.subset, self.split, self.known]

    def emptied(self) -> dict[Any, Any]:
        """The changes that take the name and its choices away."""
        return {self.name: "", **self.unknown()}

    def unknown(self) -> dict[Any, Any]:
        """The changes that hide the choices of what was looked up before."""
        # Their lists stay: a request that is under way may still carry a choice of them.
        hidden = gr.Dropdown(visible=False)
        return {self.known: "", self.subset: hidden, self.split: hidden}

    def found(
        self, name: str, subset: str | None, split: str | None
    ) -> tuple[ImportSource, dict[Any, Any]]:
        """Look a dataset up: what to read of it, and the changes that offer its parts.

        The subset and split chosen stay if it has them. Raises InputError as `find_dataset` does.
        """
        files = find_dataset(name).files
        subset = subset if subset and subset in files else next(iter(files))
        splits = files[subset]
        split = split if split and split in splits else next(iter(splits))
        return ImportSource(name.strip(), Part(subset, split)), {
            self.known: name,
            self.subset: gr.Dropdown(list(files), value=subset, visible=len(files) > 1),
            self.split: gr.Dropdown(list(splits), value=split, visible=len(splits) > 1),
        }
