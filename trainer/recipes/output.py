"""Saves what was trained into the run folder: the adapter and nothing of the base, or the model."""

import dataclasses
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.exporting.card import CardFacts, model_card
from trainer.models import model_source
from trainer.options.training import RunOptions
from trainer.recipes.ranks import wait_for_all
from trainer.runs.context import RunContext, rank
from trainer.runs.event_log import read_events
from trainer.runs.manifest import write_manifest

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import Trainer

TRAINED = "default"  # peft's name of the adapter that is trained


def save_output(trainer: "Trainer", context: RunContext, options: RunOptions) -> str:
    """Write `adapter/` or `model/` with its manifest and return its name in the run folder.

    It is written beside its place and renamed, so a crash leaves the old one or the new one. Of
    several processes the first writes; all leave when it is there.
    """
    if rank() == 0:
        _write(trainer, context, options)
    wait_for_all()
    return options.output


def _write(trainer: "Trainer", context: RunContext, options: RunOptions) -> None:
    target = context.folder / options.output
    partial = context.folder / f".{options.output}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    spec = context.spec
    if options.trains_full_model:
        _write_model(trainer, partial)
    else:
        _write_adapter(trainer.model, partial, base=_name_for_others(spec.base))
    # In place of a library's card, which is an empty form.
    (partial / "README.md").write_text(_card(context, options), encoding="utf-8")
    write_manifest(
        partial,
        {
            "holds": options.output,
            "base_model": spec.base,
            "run_id": spec.id,
            "kind": spec.kind,
            "parent_adapter": spec.adapter,
            "options": dataclasses.asdict(options),
            "snapshot": spec.snapshot,
        },
    )
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)


def _write_adapter(model: "PeftModel", folder: Path, *, base: str) -> None:
    model.peft_config[TRAINED].base_model_name_or_path = base
    # Embeddings are never trained; letting peft find that out would ask the hub.
    model.save_pretrained(str(folder), selected_adapters=[TRAINED], save_embedding_layers=False)


def _write_model(trainer: "Trainer", folder: Path) -> None:
    """A folder that loads like any model; in float32, or the smallest updates would be lost."""
    model: Any = trainer.model
    model.config.use_cache = True  # training switched it off
    model.save_pretrained(str(folder))
    trainer.processing_class.save_pretrained(str(folder))


def _name_for_others(base: str) -> str:
    """The base under a name that others can find, as what was trained may travel."""
    return model_source.STARTER_HUB_ID if base == model_source.STARTER else base


def _card(context: RunContext, options: RunOptions) -> str:
    spec = context.spec
    events, _ = read_events(context.folder, 0)
    started = next((event for event in events if event["type"] == "started"), {})
    facts = CardFacts(
        base=_name_for_others(spec.base),
        name=model_source.describe(spec.base),
        kind=spec.kind,
        num_train=started.get("num_train", 0),
        num_heldout=started.get("num_heldout", 0),
        snapshot=spec.snapshot,
        parent_adapter=spec.adapter,
        options=options.to_dict(),
        events=events,
        day=datetime.now(UTC).date(),
    )
    return model_card(facts)
