"""The worker of a run, computing in float32 even where the machine has bfloat16.

Started by hand of a test: `python -m tests.trainer.float32_worker RUN_FOLDER --device cpu`.
"""

import sys

import torch

from trainer.__main__ import main
from trainer.models import loading

if __name__ == "__main__":
    torch.set_num_threads(1)
    loading.pick_dtype = lambda device: torch.float32  # type: ignore[assignment]
    sys.exit(main())
