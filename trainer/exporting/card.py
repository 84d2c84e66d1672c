"""The model card of what a run has trained, from its run folder; never imports torch."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from trainer.options.training import trains_full_model

NUM_POINTS = 10  # rows of the table of curves
CURVES = ("loss", "rewards/accuracies", "rewards/margins", "eval_loss", "eval_rewards/accuracies")
_KINDS = {
    "dpo": "direct preference optimisation (DPO)",
    "sft": "supervised fine-tuning (SFT)",
    "reward": "reward modelling: it scores answers and writes none",
}
_CARD = """---
base_model: {base}
library_name: {library}
pipeline_tag: {task}
tags:
- {weights}
- {kind}
- trl
- pairtune
---

# {name}, tuned

{what} `{base}`, made by {method} with PairTune on {day}.

## Data

{num_train} pairs trained it, and {num_heldout} pairs of held-out prompts measured it. Snapshot of
the preferences: `{snapshot}`.{start}

## How to load it

```python
{imports}

model = {loader}.from_pretrained("FOLDER_OF_THIS_FILE"{arguments})
tokenizer = AutoTokenizer.from_pretrained("{tokenizer}")
```

## Curves

{curves}

## Options

{options}
"""


@dataclasses.dataclass(frozen=True)
class CardFacts:
    """What the card tells of a training run."""

    base: str  # as others find it: a hub id or a folder
    name: str  # of the base, in short
    kind: str  # dpo, sft
    num_train: int
    num_heldout: int
    snapshot: str | None
    parent_adapter: str | None
    options: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    day: date


def model_card(facts: CardFacts) -> str:
    """The card as Markdown, with the head that model hubs read."""
    start = ""
    if facts.parent_adapter:
        start = f" Training went on from `{facts.parent_adapter}`."
    scores = facts.kind == "reward"
    return _CARD.format(
        task="text-classification" if scores else "text-generation",
        arguments=", num_labels=1" if scores else "",
        **(
            _full_model()
            if trains_full_model(facts.options)
            else _adapter(facts.base, scores=scores)
        ),
        base=facts.base,
        name=facts.name,
        kind=facts.kind,
        method=_KINDS.get(facts.kind, facts.kind),
        day=facts.day.isoformat(),
        num_train=facts.num_train,
        num_heldout=facts.num_heldout,
        snapshot=facts.snapshot or "none",
        start=start,
        curves=curves_table(facts.events),
        options=_options_table(facts.options),
    )


def _adapter(base: str, *, scores: bool) -> dict[str, str]:
    loader = f"AutoPeftModelFor{'SequenceClassification' if scores else 'CausalLM'}"
    return {
        "library": "peft",
        "weights": "lora",
        "what": "A LoRA adapter for",
        "imports": f"from peft import {loader}\nfrom transformers import AutoTokenizer",
        "loader": loader,
        "tokenizer": base,
    }


def _full_model() -> dict[str, str]:
    return {
        "library": "transformers",
        "weights": "full-model",
        "what": "A full model in float32, every weight of it trained from",
        "imports": "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "loader": "AutoModelForCausalLM",
        "tokenizer": "FOLDER_OF_THIS_FILE",
    }


def curves_table(events: Sequence[Mapping[str, Any]]) -> str:
    """Ten points of the curves at even distances, first and last included, as Markdown."""
    by_step: dict[int, dict[str, float]] = {}
    for event in events:
        if event.get("type") == "metrics":
            by_step.setdefault(event["step"], {}).update(event["values"])
    names = [name for name in CURVES if any(name in values for values in by_step.values())]
    if not names:
        return "None were written."
    steps = sorted(step for step, values in by_step.items() if any(n in values for n in names))
    rows = [
        f"| {step} | " + " | ".join(_number(by_step[step].get(name)) for name in names) + " |"
        for step in _sampled(steps)
    ]
    head = f"| step | {' | '.join(names)} |\n|{' ---: |' * (len(names) + 1)}"
    return "\n".join([head, *rows])


def _sampled(steps: Sequence[int]) -> list[int]:
    if len(steps) <= NUM_POINTS:
        return list(steps)
    last = len(steps) - 1
    return [steps[round(index * last / (NUM_POINTS - 1))] for index in range(NUM_POINTS)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _options_table(options: Mapping[str, Any]) -> str:
    rows = [
        f"| {group} | {name} | `{value}` |"
        for group, values in options.items()
        if isinstance(values, Mapping)
        for name, value in values.items()
    ]
    return "\n".join(["| group | option | value |", "| --- | --- | --- |", *rows])
