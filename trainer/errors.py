"""Errors of the trainer whose message can be shown to a person as it is."""

import errno

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_ROOM_WORDS = (
    *(f"os error {number}" for number in _NO_ROOM),  # safetensors
    *("PytorchStreamWriter failed writing", "unexpected pos"),  # torch.save
)
_NO_ANSWER_WORDS = ("gloo/transport", "NCCL")


class TrainerError(Exception):
    """Something a person can mend: the message says what was given, why not, and what to do."""


class RunFolderError(TrainerError):
    """The run folder itself cannot be worked on (exit code 2 of a worker)."""


class RunLockedError(RunFolderError):
    """Another worker already works on the run folder."""


def is_disk_full(error: BaseException) -> bool:
    """Whether something could not be written for want of room: disk, quota or largest file."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return True
    # Libraries written in other languages say it in words alone.
    return any(words in str(error) for words in _NO_ROOM_WORDS)


def is_process_gone(error: BaseException) -> bool:
    """Whether another process of the same run no longer answers."""
    return any(words in str(error) for words in _NO_ANSWER_WORDS)
