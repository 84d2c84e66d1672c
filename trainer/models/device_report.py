"""Print as one JSON line what torch finds here: `python -m trainer.models.device_report`.

Nothing is assumed from version numbers: bfloat16 and 4-bit are tried.
"""

import argparse
import json
import sys
from collections.abc import Callable

import torch
from torch import nn

from trainer.models import loading


def findings(device_name: str) -> dict[str, str]:
    """Device, bfloat16 and 4-bit support, in words."""
    device = loading.pick_device(device_name)
    return {
        "device": _description(device),
        "computes in": str(loading.pick_dtype(device)).removeprefix("torch."),
        "bfloat16": _tried(lambda: _multiply(device)),
        "4-bit": _tried(lambda: _multiply_in_4_bit(device)),
    }


def _description(device: torch.device) -> str:
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
        return f"{torch.cuda.get_device_name(device)}, {memory / 1024**3:.0f} GiB"
    return f"cpu, {torch.get_num_threads()} threads"


def _tried(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except Exception as error:  # whatever it is, it is what this is asked for
        return f"does not work: {error}"
    return "works"


def _multiply(device: torch.device) -> None:
    matrix = torch.ones(64, 64, dtype=torch.bfloat16, device=device)
    if (matrix @ matrix)[0, 0].item() != 64:
        raise ArithmeticError("a product of ones is wrong")


def _multiply_in_4_bit(device: torch.device) -> None:
    from bitsandbytes.nn import Linear4bit

    full = nn.Linear(64, 64, bias=False)
    packed = Linear4bit(64, 64, bias=False, compute_dtype=torch.float32, quant_type="nf4")
    packed.load_state_dict(full.state_dict())
    packed = packed.to(device)
    inputs = torch.ones(1, 64)
    difference = (packed(inputs.to(device)).cpu() - full(inputs)).abs().max().item()
    if difference > 1:
        raise ArithmeticError(f"a product is off by {difference:.2f}")


def main() -> int:
    """Print the findings for the device that `--device` names."""
    parser = argparse.ArgumentParser(description="Say what torch finds on this machine.")
    parser.add_argument("--device", default="auto")
    print(json.dumps(findings(parser.parse_args().device)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
