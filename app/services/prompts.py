"""Bring prompts and finished pairs in, and look through them."""

from pathlib import Path

from app.services.context import Context, User
from storage import importers, preferences, prompts
from storage.importers import ImportReport
from storage.preferences import Counts
from storage.prompts import PromptDetail, PromptRow

PASTED = "pasted"  # source of prompts typed or pasted on the screen


def preview_file(path: Path, *, prompts_only: bool = False) -> ImportReport:
    """Say what a file holds; nothing is stored. Raises InputError if it cannot be used."""
    return importers.inspect_file(path, prompts_only=prompts_only)


def import_file(
    context: Context, user: User, path: Path, *, name: str, prompts_only: bool = False
) -> ImportReport:
    """Store the usable rows of a file, all of them or none; `name` is kept as their source.

    With `prompts_only` answers and verdicts are left out, so that new pairs can be generated.
    Raises InputError for a file that cannot be used; nothing is stored then.
    """
    with context.database.session_scope() as session:
        return importers.import_file(session, path, source=name, prompts_only=prompts_only)


def import_text(context: Context, user: User, text: str) -> ImportReport:
    """Store each line of a pasted text as a prompt. Raises InputError when there is none."""
    with context.database.session_scope() as session:
        return importers.import_text(session, text, source=PASTED)


def search(context: Context, text: str, *, limit: int = 50, offset: int = 0) -> list[PromptRow]:
    """Prompts that contain `text` in their last turn, source or tags, newest first."""
    with context.database.read_scope() as session:
        return prompts.search_prompts(session, text, limit=limit, offset=offset)


def num_found(context: Context, text: str) -> int:
    """How many prompts `search` finds in all."""
    with context.database.read_scope() as session:
        return prompts.num_found(session, text)


def prompt_detail(context: Context, prompt_id: int) -> PromptDetail:
    """One prompt with its answers and their verdicts; raises NotFoundError."""
    with context.database.read_scope() as session:
        return prompts.prompt_detail(session, prompt_id)


def header_counts(context: Context) -> Counts:
    """The project's counts, as the header shows them."""
    with context.database.read_scope() as session:
        return preferences.counts(session)
