"""Saves the trained adapter, and nothing of the base, into the run folder."""

import dataclasses
import shutil
from typing import TYPE_CHECKING

from trainer import model_source, run_folder
from trainer.recipes.options import RunOptions
from trainer.run_context import RunContext

if TYPE_CHECKING:
    from peft import PeftModel

ADAPTER_FOLDER = "adapter"
TRAINED = "default"  # peft's name of the adapter that is trained


def save_adapter(model: "PeftModel", context: RunContext, options: RunOptions) -> str:
    """Write `adapter/` with its manifest and return its name in the run folder.

    It is written beside its place and renamed, so a crash leaves the old one or the new one.
    """
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
    (partial / "README.md").unlink(missing_ok=True)  # peft's card is an empty form
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
    return ADAPTER_FOLDER
