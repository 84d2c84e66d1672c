"""How much memory a training run on the CPU needs, and how much is free; never imports torch.

Measured with two steps of DPO (LoRA, no checkpointing, bfloat16) on SmolLM2-135M: a peak of
1144 MiB with 1 pair of about 2 x 137 tokens in a batch, and of 1734 MiB with 4 of them. That is
0.75 MB for a token (43 bytes for each layer and unit of its hidden size), and beside it 0.7 GB and
the weights.
"""

import json
from pathlib import Path

LIBRARIES_BYTES = 700e6
BYTES_PER_UNIT = 43  # of a token, for each layer and unit of its hidden size


def training_bytes(model_folder: Path, num_tokens: int) -> float | None:
    """Peak memory of training with so many tokens in one batch, both answers of a pair counted.

    A rough number: other settings and processors differ. None where the model's files do not say
    how large it is.
    """
    try:
        config = json.loads((model_folder / "config.json").read_text(encoding="utf-8"))
        units = config["num_hidden_layers"] * config["hidden_size"]
        weights = sum(file.stat().st_size for file in model_folder.glob("*.safetensors"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(LIBRARIES_BYTES + weights + num_tokens * units * BYTES_PER_UNIT)


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
