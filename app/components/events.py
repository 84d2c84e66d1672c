"""What the events of all screens have in common."""

from typing import Any

# Each handler shows its own progress, and scripts have endpoints of their own.
PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
POLL_SECONDS = 1.5
ACTIVE = ("queued", "running")  # states of a run from which something is still to come
