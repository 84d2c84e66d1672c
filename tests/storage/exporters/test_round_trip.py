"""What is exported comes back the same: generated conversations with any Unicode, every format."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy.orm import Session

from storage.data.conversations import Message
from storage.data.pairs import NewCompletion, add_pair
from storage.data.prompts import add_prompt
from storage.enums import CompletionOrigin, PairOrigin, Side, Verdict
from storage.exporters.catalogue import FORMATS, format_named
from storage.exporters.exporting import count_rows, export_files, export_rows
from storage.exporters.filters import ExportFilter
from storage.labelling.consensus import Outcome, consensus
from storage.labelling.labellers import human_labeller
from storage.labelling.preferences import NewPreference, record
from storage.schema.database import Database
from tests.storage.importing_files import import_file

EVERYTHING = ExportFilter()
BESIDE_THE_ROWS = ("README.md", "dataset_info.json", "state.json")

NASTY = (
    "'=1",
    "=1+1",
    "\tx",
    "\rx",
    "''x",
    "a\r\nb\r",
    '"',
    "a\u2028b\x85c",
    "\ufeffx",
    "[]",
    " x ",
    "😀",
)
TEXTS = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
    | st.sampled_from(NASTY)
).filter(str.strip)
VERDICTS = st.lists(
    st.sampled_from([verdict for verdict in Verdict if verdict is not Verdict.SKIP]),
    min_size=1,
    max_size=4,
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    texts = draw(st.lists(TEXTS, min_size=1, max_size=5).filter(lambda texts: len(texts) % 2))
    roles = ("user", "assistant")
    turns = [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]
    system = draw(st.none() | st.just("") | st.just(" ") | TEXTS)
    return turns if system is None else [{"role": "system", "content": system}, *turns]


PAIRS = st.lists(
    st.tuples(
        conversations(),
        st.lists(TEXTS, min_size=2, max_size=2, unique=True),
        VERDICTS,
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda pair: json.dumps(pair[0]),
)
Given = list[tuple[list[Message], list[str], list[Verdict]]]
Preference = tuple[str, str, str, str]


def _store(session: Session, given: Given) -> None:
    for number, (messages, texts, verdicts) in enumerate(given):
        prompt, _ = add_prompt(session, messages, source="test")
        a, b = (NewCompletion(text=text, origin=CompletionOrigin.GENERATED) for text in texts)
        pair = add_pair(session, prompt.id, a, b, origin=PairOrigin.GENERATED)
        for place, verdict in enumerate(verdicts):
            new = NewPreference(
                submit_id=f"{number}-{place}",
                pair_id=pair.id,
                labeller_id=human_labeller(session, None, f"annotator {place}").id,
                verdict=verdict,
                left=Side.A,
            )
            record(session, new)


def _preferences(rows: Iterator[dict[str, Any]]) -> set[Preference]:
    """What rows of two answers say, whichever answer comes first."""
    found = set()
    for row in rows:
        a, b, winner = row["answer_a"], row["answer_b"], row["winner"]
        if winner == "b":
            a, b, winner = b, a, "a"
        elif winner != "a":
            a, b = sorted((a, b))
        found.add((json.dumps(row["prompt"]), a, b, winner))
    return found


def _stored(session: Session) -> set[Preference]:
    return _preferences(export_rows(session, format_named("two_answers"), EVERYTHING))


def _expected(name: str, given: Given) -> set[Preference]:
    """What the format says that it can carry, by consensus."""
    kind, found = format_named(name), set()
    for messages, (a, b), verdicts in given:
        outcome = consensus(verdicts)
        winner = {Outcome.NONE: "both_bad"}.get(outcome, outcome.value)
        is_decided = winner in ("a", "b")
        if not (is_decided or kind.SHAPE.undecided) or (kind.SHAPE.one_turn and len(messages) > 1):
            continue
        if name == "trl_kto" and not is_decided:
            continue  # single answers of one label make no pair
        if name == "ultrafeedback" and not is_decided:
            winner = "tie"
        row = {"prompt": messages, "answer_a": a, "answer_b": b, "winner": winner}
        found |= _preferences(iter([row]))
    return found


@pytest.mark.parametrize("name", [kind.NAME for kind in FORMATS])
@settings(
    max_examples=40,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(given=PAIRS)
def test_importing_an_export_gives_the_same_preferences(
    name: str, given: Given, database: Database
) -> None:
    kind, expected = format_named(name), _expected(name, given)
    with TemporaryDirectory() as folder, Session(database.engine) as session:
        _store(session, given)
        number = count_rows(session, kind, EVERYTHING)
        assert number == len(list(export_rows(session, kind, EVERYTHING)))
        if number:
            assert export_files(session, Path(folder), kind, EVERYTHING) == number
        session.rollback()
        assert _stored(session) == set()
        for path in sorted(Path(folder).rglob("*")):
            if expected and path.is_file() and path.name not in BESIDE_THE_ROWS:
                import_file(session, path, source="export")
        assert _stored(session) == expected
        session.rollback()


def test_annotators_come_back(database: Database, tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Name a river."}]
    given = [(messages, ["Rhine", "Elbe"], [Verdict.B, Verdict.B, Verdict.TIE])]
    by_verdict = ExportFilter(rows="verdicts")
    for name in ("two_answers", "csv"):
        folder = tmp_path / name
        folder.mkdir()
        with Session(database.engine) as session:
            _store(session, given)
            assert export_files(session, folder, format_named(name), by_verdict) == 3
            session.rollback()
            import_file(session, next(folder.iterdir()), source="file")
            rows = list(export_rows(session, format_named("two_answers"), by_verdict))
        assert sorted((row["annotator"], row["winner"]) for row in rows) == [
            ("file: annotator 0", "b"),
            ("file: annotator 1", "b"),
            ("file: annotator 2", "tie"),
        ]
