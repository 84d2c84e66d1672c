"""The four sampling fields that Prompts and Compare share."""

from dataclasses import dataclass

import gradio as gr

from storage.errors import InputError
from trainer.generation.options import SamplingOptions


@dataclass(frozen=True)
class SamplingFields:
    """The fields, in the order in which handlers take their values."""

    temperature: gr.Number
    top_p: gr.Number
    max_new_tokens: gr.Number
    seed: gr.Number

    def as_list(self) -> list[gr.Number]:
        """The fields as handler inputs."""
        return [self.temperature, self.top_p, self.max_new_tokens, self.seed]


def sampling_fields(*, max_new_tokens: int = 256) -> SamplingFields:
    """Lay the fields out in one row, with the defaults of a generate run."""
    default = SamplingOptions()
    with gr.Row(elem_classes=["fields"]):
        return SamplingFields(
            gr.Number(
                default.temperature,
                label="Temperature",
                info="0 always takes the likeliest token; around 1 is lively.",
                minimum=0,
                maximum=2,
                step=0.1,
                min_width=120,
            ),
            gr.Number(
                default.top_p,
                label="Top-p",
                info="Share of the likeliest tokens that are drawn from.",
                minimum=0.05,
                maximum=1,
                step=0.05,
                min_width=120,
            ),
            gr.Number(
                max_new_tokens,
                label="Longest answer (tokens)",
                info="Answers are cut off there.",
                minimum=1,
                maximum=4096,
                precision=0,
                min_width=120,
            ),
            gr.Number(
                default.seed,
                label="Seed",
                info="The same seed gives the same answers.",
                minimum=0,
                precision=0,
                min_width=120,
            ),
        )


def sampling_of(values: tuple[float | None, ...]) -> SamplingOptions:
    """The options that the fields hold; raises InputError for an empty field."""
    temperature, top_p, max_new_tokens, seed = values
    if temperature is None or top_p is None or max_new_tokens is None or seed is None:
        raise InputError("A sampling field is empty. Fill in all four, or reload for the defaults.")
    return SamplingOptions(
        temperature=float(temperature),
        top_p=float(top_p),
        max_new_tokens=int(max_new_tokens),
        seed=int(seed),
    )
