"""Errors that a person can mend; their messages are shown as they are."""


class InputError(Exception):
    """What was given cannot be used; the message says what, why and what to do."""


class NotFoundError(InputError):
    """The thing asked for does not exist (any more)."""


class StaleError(InputError):
    """The request rests on a state that has passed, such as a pair that is no longer held."""
