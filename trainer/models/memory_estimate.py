"""How much memory a training run on the CPU needs, and how much is free; never imports torch.

Measured with two steps of DPO (LoRA, no checkpointing, bfloat16) on SmolLM2-135M: a peak of
1144 MiB with 1 pair of about 2 x 137 tokens in a batch, and of 1734 MiB with 4 of them. That is
0.75 MB for a token (43 bytes for each layer and unit of its hidden size), and beside it 0.7 GB and
the weights. Training all of its weights in float32, on pairs of up to 2 x 399 tokens, took 3421 MB
with 1 pair in a batch and 5057 MB with 4: as much for a token, and 16 bytes for each weight.
"""

import json
import math
import struct
from pathlib import Path

from trainer.options.training import RunOptions

LIBRARIES_BYTES = 700e6
BYTES_FLOAT32 = 4
BYTES_TRAINED = 4 * BYTES_FLOAT32  # a weight, its gradient, and AdamW's two means
BYTES_PER_UNIT = 43  # of a token, for each layer and unit of its hidden size


def training_bytes(model_folder: Path, num_tokens: int, options: RunOptions) -> float | None:
    """Peak memory of training with so many tokens in one batch, both answers of a pair counted.

    A rough number: other settings and processors differ. None where the model's files do not say
    how large it is.
    """
    try:
        config = json.loads((model_folder / "config.json").read_text(encoding="utf-8"))
        units = config["num_hidden_layers"] * config["hidden_size"]
        files = list(model_folder.glob("*.safetensors"))
        weights = sum(file.stat().st_size for file in files)
        if options.trains_full_model:
            copies = 0 if options.training.precompute_ref_log_probs else 1
            weights = sum(map(_num_weights, files)) * (BYTES_TRAINED + copies * BYTES_FLOAT32)
    except (OSError, ValueError, LookupError, TypeError, struct.error):
        return None
    return float(LIBRARIES_BYTES + weights + num_tokens * units * BYTES_PER_UNIT)


def _num_weights(file: Path) -> int:
    """How many weights a safetensors file holds, by its head: a length, then JSON."""
    with file.open("rb") as content:
        (length,) = struct.unpack("<Q", content.read(8))
        tensors = json.loads(content.read(min(length, file.stat().st_size)))
    tensors.pop("__metadata__", None)
    return sum(math.prod(tensor["shape"]) for tensor in tensors.values())


def free_bytes(meminfo: Path = Path("/proc/meminfo")) -> float | None:
    """Memory that processes can still get without swapping; None where Linux does not say."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return float(line.split()[1]) * 1024
    return None
