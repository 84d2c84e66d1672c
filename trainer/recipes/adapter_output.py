"""Saves the trained adapter, and nothing of the base, into the run folder."""

import dataclasses
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trainer import model_source, run_folder
from trainer.exporting.card import CardFacts, model_card
from trainer.recipes.options import RunOptions
from trainer.recipes.ranks import wait_for_all
from trainer.run_context import RunContext, rank

if TYPE_CHECKING:
    from peft import PeftModel

ADAPTER_FOLDER = "adapter"
TRAINED = "default"  # peft's name of the adapter that is trained


def save_adapter(model: "PeftModel", context: RunContext, options: RunOptions) -> str:
    """Write `adapter/` with its manifest and return its name in the run folder.

    It is written beside its place and renamed, so a crash leaves the old one or the new one. Of
    several processes the first writes; all leave when it is there.
    """
    if rank() == 0:
        _write_adapter(model, context, options)
    wait_for_all()
    return ADAPTER_FOLDER


def _write_adapter(model: "PeftModel", context: RunContext, options: RunOptions) -> None:
    target = context.folder / ADAPTER_FOLDER
    partial = context.folder / f".{ADAPTER_FOLDER}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    spec = context.spec
    config = model.peft_config[TRAINED]
    # The adapter may travel: name a base that others can find, not a path of this machine.
    config.base_model_name_or_path = (
        model_source.STARTER_HUB_ID if spec.base == model_source.STARTER else spec.base
    )
    # Embeddings are never trained; letting peft find that out would ask the hub.
    model.save_pretrained(str(partial), selected_adapters=[TRAINED], save_embedding_layers=False)
    # In place of peft's card, which is an empty form.
    (partial / "README.md").write_text(_card(context, options), encoding="utf-8")
    run_folder.write_manifest(
        partial,
        {
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


def _card(context: RunContext, options: RunOptions) -> str:
    spec = context.spec
    events, _ = run_folder.read_events(context.folder, 0)
    started = next((event for event in events if event["type"] == "started"), {})
    facts = CardFacts(
        base=model_source.STARTER_HUB_ID if spec.base == model_source.STARTER else spec.base,
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
