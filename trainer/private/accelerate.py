"""What is used of accelerate beyond what it promises; imports nothing of it."""

import os


def has_started_this_alone() -> bool:
    """Whether `accelerate launch` has started this process and none beside it.

    It does so without a word where it finds too few GPUs for what it was asked for. What it was
    asked for it does not pass on, only that it was there.
    """
    return "ACCELERATE_MIXED_PRECISION" in os.environ and "WORLD_SIZE" not in os.environ
