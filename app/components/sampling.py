"""The four sampling fields that Prompts and Compare share."""

from dataclasses import dataclass

import gradio as gr

from storage.errors import InputError
from trainer.options.generation import SamplingOptions


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


def sampling_fields() -> SamplingFields:
    """Lay the fields out in one row, with the defaults of a generate run."""
    default = SamplingOptions()
    with gr.Row(elem_classes=["fields"]):
        return SamplingFields(
            _number(default.temperature, "Temperature", "0: the likeliest token; 1: lively.", 0.1),
            _number(default.top_p, "Top-p", "Share of likely tokens to draw from.", 0.05),
            _number(default.max_new_tokens, "Longest answer (tokens)", "Cut off there.", 1),
            _number(default.seed, "Seed", "The same seed, the same answers.", 1),
        )


def _number(value: float, label: str, info: str, step: float) -> gr.Number:
    """A field; what its value may be is judged by the options themselves, in one place."""
    precision = 0 if step == 1 else None
    return gr.Number(
        value, label=label, info=info, minimum=0, step=step, precision=precision, min_width=120
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
