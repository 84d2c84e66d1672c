"""Looks into a preference file, and takes it in: all of it in the caller's transaction, or none."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from storage.errors import InputError
from storage.importers.reading import BadRow, Row, read_rows
from storage.importers.report import ImportReport
from storage.importers.understanding import Understood, understand
from storage.importers.writing import store

_HELP = (
    "PairTune reads jsonl, json, csv, tsv and parquet, also packed as gz or zst, with rows such "
    'as {"prompt": "..."} or {"prompt": "...", "chosen": "...", "rejected": "..."}.'
)


def inspect_file(
    path: Path,
    *,
    prompts_only: bool = False,
    every_pair: bool = False,
    columns: Mapping[str, str] | None = None,
) -> ImportReport:
    """Say what `import_file` would take from a file; nothing is stored.

    Raises:
        InputError: the file cannot be opened, or no row of it can be used.
    """
    reading = _Reading(prompts_only, every_pair, columns or {})
    return _understood(path, reading).report()


def import_file(
    session: Session,
    path: Path,
    *,
    source: str,
    verdicts_by: str | None = None,
    prompts_only: bool = False,
    every_pair: bool = False,
    columns: Mapping[str, str] | None = None,
) -> ImportReport:
    """Store the usable rows of a file that are not stored yet; bad rows are in the report.

    Args:
        session: a session that writes; the caller commits all rows at once.
        path: a file of rows: jsonl, json, csv, tsv or parquet, also packed as gz or zst.
        source: name of the file or data set, kept with each prompt.
        verdicts_by: name of the imported labeller; None takes the source's. Annotators that the
            file names become labellers "NAME: ANNOTATOR".
        prompts_only: leave answers and verdicts out, and keep the prompts of all rows.
        every_pair: of several rated answers make every pair, not only the best and the worst.
        columns: names to read the file's columns under, where they are not understood as they
            are: {"frage": "prompt"}. A column that has such a name already is left out.

    Raises:
        InputError: the file cannot be opened, or no row of it can be used; nothing is stored.
    """
    understood = _understood(path, _Reading(prompts_only, every_pair, columns or {}))
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


@dataclass(frozen=True)
class _Reading:
    """How a file's rows are read."""

    prompts_only: bool
    every_pair: bool
    columns: Mapping[str, str]


def _understood(path: Path, reading: _Reading) -> Understood:
    understood = understand(
        _renamed(read_rows(path), reading.columns),
        prompts_only=reading.prompts_only,
        every_pair=reading.every_pair,
    )
    if understood.num_rows == 0:
        raise InputError(f"{path.name} is empty, so there is nothing to import. {_HELP}")
    if not understood.items:
        raise InputError(f"{path.name} has no row that can be used: {_found(understood)}. {_HELP}")
    return understood


def _renamed(
    rows: Iterable[tuple[int, Row | BadRow]], columns: Mapping[str, str]
) -> Iterator[tuple[int, Row | BadRow]]:
    for number, row in rows:
        if columns and not isinstance(row, BadRow):
            taken = {columns[name] for name in row if name in columns}
            row = {
                columns.get(name, name): value
                for name, value in row.items()
                if name in columns or name not in taken
            }
        yield number, row


def _found(understood: Understood) -> str:
    seen = f"{understood.num_rows:,} row{'' if understood.num_rows == 1 else 's'} seen"
    reasons = ", ".join(f"{len(rows):,} {why}" for why, rows in understood.dropped.items())
    return f"{seen}, {reasons}"
