"""Looks into a preference file, and takes it in: all of it in the caller's transaction, or none."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.orm import Session

from storage.errors import InputError
from storage.importers.reading import Row, read_rows
from storage.importers.report import ImportReport
from storage.importers.understanding import Understood, understand
from storage.importers.writing import store

_HELP = (
    'PairTune reads jsonl: one JSON object a line, such as {"prompt": "..."} or '
    '{"prompt": "...", "chosen": "...", "rejected": "..."}.'
)


def inspect_file(path: Path, *, prompts_only: bool = False) -> ImportReport:
    """Say what `import_file` would take from a file; nothing is stored.

    Raises:
        InputError: the file cannot be opened, or no row of it can be used.
    """
    return _understood(path, prompts_only=prompts_only).report()


def import_file(
    session: Session,
    path: Path,
    *,
    source: str,
    verdicts_by: str | None = None,
    prompts_only: bool = False,
) -> ImportReport:
    """Store the usable rows of a file that are not stored yet; bad rows are in the report.

    Args:
        session: a session that writes; the caller commits all rows at once.
        path: a jsonl file.
        source: name of the file or data set, kept with each prompt.
        verdicts_by: name of the imported labeller; None takes the source's.
        prompts_only: leave answers and verdicts out, and keep the prompts of all rows.

    Raises:
        InputError: the file cannot be opened, or no row of it can be used; nothing is stored.
    """
    understood = _understood(path, prompts_only=prompts_only)
    existing = store(session, understood.items, source=source, verdicts_by=verdicts_by or source)
    return understood.report(num_existing=existing)


def import_text(session: Session, text: str, *, source: str) -> ImportReport:
    """Store each line of a text that is not empty as a prompt.

    Raises:
        InputError: there is no line that can be used; nothing is stored.
    """
    understood = understand(_lines(text))
    if not understood.items:
        raise InputError("There is no prompt in this text. Write one prompt a line.")
    existing = store(session, understood.items, source=source, verdicts_by=source)
    return understood.report(num_existing=existing)


def _lines(text: str) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, {"prompt": line.removesuffix("\r")}


def _understood(path: Path, *, prompts_only: bool) -> Understood:
    understood = understand(read_rows(path), prompts_only=prompts_only)
    if understood.num_rows == 0:
        raise InputError(f"{path.name} is empty, so there is nothing to import. {_HELP}")
    if not understood.items:
        raise InputError(f"{path.name} has no row that can be used: {_found(understood)}. {_HELP}")
    return understood


def _found(understood: Understood) -> str:
    seen = f"{understood.num_rows:,} row{'' if understood.num_rows == 1 else 's'} seen"
    reasons = ", ".join(f"{len(rows):,} {why}" for why, rows in understood.dropped.items())
    return f"{seen}, {reasons}"
