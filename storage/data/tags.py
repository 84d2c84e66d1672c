"""The tags of prompts: words of one's own to find prompts by, and to export their pairs."""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage.data.conversations import text_problem
from storage.errors import InputError, NotFoundError
from storage.schema.tables import Prompt

MAX_TAGS = 20
"""On one prompt."""
MAX_TAG_CHARACTERS = 50
"""Characters of one tag."""


def read_tags(given: Sequence[str]) -> list[str]:
    """Return tags as they are stored: without spaces around them, each once.

    Raises:
        InputError: a tag is too long or cannot be stored, or there are too many.
    """
    tags = list(dict.fromkeys(" ".join(tag.split()) for tag in given if tag.strip()))
    for tag in tags:
        if len(tag) > MAX_TAG_CHARACTERS or text_problem(tag):
            raise InputError(
                f"{tag[:MAX_TAG_CHARACTERS]!r} cannot be a tag: give a text of at most {MAX_TAG_CHARACTERS} "
                "characters."
            )
    if len(tags) > MAX_TAGS:
        raise InputError(f"{len(tags)} tags are too many for a prompt: give at most {MAX_TAGS}.")
    return tags


def set_tags(session: Session, prompt_id: int, tags: Sequence[str]) -> list[str]:
    """Give a prompt these tags and no others; return them as they are stored.

    Raises:
        InputError: a tag cannot be stored.
        NotFoundError: there is no such prompt.
    """
    prompt = session.get(Prompt, prompt_id)
    if prompt is None:
        raise NotFoundError(f"Prompt {prompt_id} does not exist. Choose one from the list.")
    prompt.tags = read_tags(tags)
    session.flush()
    return prompt.tags


def change_tags(
    session: Session, prompt_ids: Sequence[int], *, add: Sequence[str], remove: Sequence[str]
) -> int:
    """Add tags to prompts and remove others; return how many prompts have changed.

    Raises:
        InputError: a tag cannot be stored, or a prompt would have too many.
    """
    added, removed = read_tags(add), set(read_tags(remove))
    changed: dict[tuple[str, ...], list[int]] = {}
    query = select(Prompt.id, Prompt.tags).where(Prompt.id.in_(prompt_ids))
    for prompt_id, tags in session.execute(query):
        wanted = read_tags([*(tag for tag in tags if tag not in removed), *added])
        if wanted != tags:
            changed.setdefault(tuple(wanted), []).append(prompt_id)
    for new_tags, ids in changed.items():
        session.execute(
            update(Prompt).where(Prompt.id.in_(ids)).values(tags=list(new_tags)),
            execution_options={"synchronize_session": False},
        )
    session.expire_all()
    return sum(map(len, changed.values()))
