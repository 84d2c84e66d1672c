"""Errors of the trainer whose message can be shown to a person as it is."""


class TrainerError(Exception):
    """Something a person can mend: the message says what was given, why not, and what to do."""


class RunFolderError(TrainerError):
    """The run folder itself cannot be worked on (exit code 2 of a worker)."""


class RunLockedError(RunFolderError):
    """Another worker already works on the run folder."""
