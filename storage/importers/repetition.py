"""Finds answers that say the same over and over, as machine translation and weak models do."""

import zlib

_SHORTEST = 400  # bytes; below that a poem's refrain looks the same
_SHARE = 0.12  # of its size that a text is packed into; ordinary prose needs 0.35 to 0.6


def is_repetitive(*texts: str) -> bool:
    """Whether one of the texts consists mostly of repetitions."""
    return any(_is_repetitive(text.encode()) for text in texts)


def _is_repetitive(content: bytes) -> bool:
    return len(content) >= _SHORTEST and len(zlib.compress(content, 1)) < _SHARE * len(content)
