"""Tags of prompts: of one, or of all that were found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.services.context import Context
from storage.search import browse
from storage.data import tags
from storage.search.filters import BrowseFilter
from storage.enums import BrowseKind
from storage.errors import InputError

ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class TagChange:
    """What is to become of the tags of many prompts."""

    tag: str
    adds: bool
    """False: the tag is removed."""


def set_tags(context: Context, prompt_id: int, given: Sequence[str]) -> list[str]:
    """Give a prompt these tags; raises InputError or NotFoundError. Returns what is stored."""
    with context.database.session_scope() as session:
        return tags.set_tags(session, prompt_id, given)


def read_change(tag: str, *, adds: bool) -> TagChange:
    """Check a tag for many prompts; raises InputError."""
    read = tags.read_tags([tag])
    if not read:
        raise InputError("No tag is given. Write one, then try again.")
    return TagChange(read[0], adds)


def num_prompts(context: Context, wanted: BrowseFilter) -> int:
    """How many prompts a change would look at; exact, however long that takes."""
    with context.database.read_scope() as session:
        return browse.num_in_all(session, BrowseKind.PROMPTS, wanted)


def change_all(
    context: Context, wanted: BrowseFilter, change: TagChange
) -> Iterator[tuple[int, int]]:
    """Change the tags of all prompts that are wanted; gives (looked at, changed) as it goes.

    A step is a transaction of its own, so that others go on working. What was changed before an
    error stays.
    """
    add, remove = ([change.tag], []) if change.adds else ([], [change.tag])
    num_seen, num_changed, before = 0, 0, None
    while True:
        with context.database.session_scope() as session:
            ids = browse.find(
                session, BrowseKind.PROMPTS, wanted, before=before, limit=ROWS_AT_ONCE
            )
            num_changed += tags.change_tags(session, ids, add=add, remove=remove)
        num_seen += len(ids)
        yield num_seen, num_changed
        if len(ids) < ROWS_AT_ONCE:
            return
        before = ids[-1]
