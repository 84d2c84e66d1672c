"""An export run: merges an adapter, writes a model folder or a GGUF file, sends it to a hub."""

import shutil
from pathlib import Path
from typing import Any

import torch

from trainer.errors import TrainerError, is_disk_full
from trainer.exporting import hub
from trainer.exporting.gguf_file import check_family, write_gguf
from trainer.exporting.merge import merged_model
from trainer.models import loading, model_source
from trainer.options.export import ExportOptions
from trainer.runs.context import RunContext
from trainer.runs.manifest import adapter_path, check_manifest

MODEL_FOLDER = "model"
# Sums are rounded once more into q8_0: float16 holds what that leaves.
_DTYPES = {
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float32": torch.float32,
    "q8_0": torch.float16,
}


def run(context: RunContext) -> dict[str, Any]:
    """Carry out an export run and return its summary."""
    options = ExportOptions.from_dict(context.spec.options).checked()
    if options.repository is not None:
        hub.check_target(options.repository)
    context.events.write("started", target=options.target, base=context.spec.base)
    if options.target == "adapter":
        folder = adapter_path(context.data_folder, context.spec.adapter or "")
        check_manifest(folder)
        summary: dict[str, Any] = {}
    else:
        folder = _write_model(context, options)
        num_bytes = sum(path.stat().st_size for path in folder.iterdir())
        weights = options.stored_as()
        summary = {"output": MODEL_FOLDER, "num_bytes": num_bytes, "weights": weights}
    if options.repository is not None:
        summary["repository"] = hub.upload(
            folder,
            options.repository,
            "model",
            private=options.private,
            message="Upload from PairTune",
        )
    return {"target": options.target, **summary}


def _write_model(context: RunContext, options: ExportOptions) -> Path:
    """Write the folder `model/`; beside its place first, so a crash leaves no half of one."""
    target = context.folder / MODEL_FOLDER
    partial = context.folder / f".{MODEL_FOLDER}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    tokenizer = loading.load_tokenizer(context.spec.base, context.data_folder)
    model = merged_model(context, _DTYPES[options.stored_as()])
    name = f"{model_source.describe(context.spec.base)}-tuned"
    try:
        if options.target == "gguf":
            check_family(model.config)
            path = partial / f"{name}.gguf"
            write_gguf(model, tokenizer, path, weights=options.stored_as(), name=name)
        else:
            model.save_pretrained(partial)
            tokenizer.save_pretrained(partial)
    except Exception as error:
        shutil.rmtree(partial, ignore_errors=True)
        if is_disk_full(error):
            raise TrainerError(
                "The disk is full: the model was not written. Free some space and start again."
            ) from error
        raise
    _copy_card(context, partial)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return target


def _copy_card(context: RunContext, folder: Path) -> None:
    adapter = adapter_path(context.data_folder, context.spec.adapter or "")
    if (adapter / "README.md").is_file():
        shutil.copy(adapter / "README.md", folder / "README.md")
