"""Which verdicts and pairs an export takes: each filter by itself, and what it refuses."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from storage.data.pairs import NewCompletion, add_pair
from storage.data.prompts import add_prompt
from storage.enums import CompletionOrigin, LabellerKind, PairOrigin, Side, Verdict
from storage.errors import InputError
from storage.exporters.catalogue import format_named
from storage.exporters.exporting import count_rows, export_rows
from storage.exporters.filters import ExportFilter
from storage.labelling.preferences import NewPreference, record
from storage.schema.database import Database
from storage.schema.tables import Labeller

A, B, TIE, BOTH_BAD, SKIP = Verdict.A, Verdict.B, Verdict.TIE, Verdict.BOTH_BAD, Verdict.SKIP


@dataclass(frozen=True)
class Judged:
    """A pair and its verdicts by labeller, as (kind, name): verdict."""

    verdicts: dict[tuple[LabellerKind, str], Verdict]
    round: int = 0
    origin: PairOrigin = PairOrigin.GENERATED
    source: str = "shop"
    tags: list[str] = field(default_factory=list)
    day: int = 1
    """Of May 2026, on which all of its verdicts are given, at 23:30 UTC."""
    texts: tuple[str, str] = ("one", "other")


ANN, BEN = (LabellerKind.HUMAN, "Ann"), (LabellerKind.HUMAN, "Ben")
JUDGE = (LabellerKind.LLM_JUDGE, "judge")
Export = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def export(database: Database) -> Export:
    """Store pairs, then return the rows of two answers that a filter takes."""
    numbers = count(1)

    def export_stored(*pairs: Judged, **wanted: Any) -> list[dict[str, Any]]:
        kind, taken = format_named("two_answers"), ExportFilter.from_dict(wanted)
        with database.session_scope() as session:
            labellers: dict[tuple[LabellerKind, str], int] = {}
            for pair in pairs:
                number = next(numbers)
                prompt, _ = add_prompt(
                    session, [{"role": "user", "content": f"prompt {number}"}], source=pair.source
                )
                prompt.tags = pair.tags
                a, b = (
                    NewCompletion(text=text, origin=CompletionOrigin.GENERATED)
                    for text in pair.texts
                )
                stored = add_pair(session, prompt.id, a, b, origin=pair.origin, round=pair.round)
                for who, verdict in pair.verdicts.items():
                    if who not in labellers:
                        row = Labeller(kind=who[0], name=who[1])
                        session.add(row)
                        session.flush()
                        labellers[who] = row.id
                    new = NewPreference(
                        submit_id=f"{number}-{who[1]}",
                        pair_id=stored.id,
                        labeller_id=labellers[who],
                        verdict=verdict,
                        left=Side.A,
                        seconds=2.5,
                        rationale="shorter",
                        strength=3.0,
                    )
                    record(session, new, now=datetime(2026, 5, pair.day, 23, 30, tzinfo=UTC))
        with database.read_scope() as session:
            rows = list(export_rows(session, kind, taken))
            assert count_rows(session, kind, taken) == len(rows)
        return rows

    return export_stored


def _prompts(rows: list[dict[str, Any]]) -> list[int]:
    return [int(row["prompt"][0]["content"].removeprefix("prompt ")) for row in rows]


SAMPLE = (
    Judged({ANN: A}, round=0, source="shop", tags=["de"], day=1),
    Judged({JUDGE: B}, round=1, source="wiki", tags=["en", "long"], day=2),
    Judged({ANN: A, JUDGE: B, BEN: B}, round=2, origin=PairOrigin.COMPARISON, day=3),
    Judged({BEN: TIE}, round=1, tags=["de", "long"], day=4),
)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [1, 2, 3, 4]),
        ({"labeller_kinds": ["llm_judge"]}, [2, 3]),
        ({"labellers": ["Ann"]}, [1, 3]),
        ({"without_labellers": ["Ben", "judge"]}, [1, 3]),
        ({"since": "2026-05-02", "until": "2026-05-03"}, [2, 3]),
        ({"until": "2026-05-01"}, [1]),
        ({"min_agreement": 0.7}, [1, 2, 4]),
        ({"min_agreement": 0.66}, [1, 2, 3, 4]),
        ({"rounds": [1]}, [2, 4]),
        ({"origins": ["comparison"]}, [3]),
        ({"sources": ["wiki"]}, [2]),
        ({"tags": ["long"]}, [2, 4]),
        ({"tags": ["en", "de"], "rounds": [1]}, [2, 4]),
    ],
)
def test_filter_takes_what_it_says(
    export: Export, wanted: dict[str, Any], expected: list[int]
) -> None:
    assert _prompts(export(*SAMPLE, **wanted)) == expected


def test_split_is_either_train_or_heldout(export: Export) -> None:
    everything = export(*(Judged({ANN: A}) for _ in range(40)))
    parts = {split: export(split=split) for split in ("train", "heldout")}
    assert parts["heldout"]
    assert {row["split"] for row in parts["train"]} == {"train"}
    assert len(parts["train"]) + len(parts["heldout"]) == len(everything)


def test_outcome_is_that_of_the_verdicts_taken(export: Export) -> None:
    pair = Judged({ANN: A, BEN: B, JUDGE: B})
    assert export(pair)[0]["winner"] == "b"
    assert export(labellers=["Ann"])[0]["winner"] == "a"
    assert export(without_labellers=["judge"])[0]["winner"] == "tie"


def test_pair_that_was_only_skipped_or_has_equal_texts_is_left_out(export: Export) -> None:
    assert export(Judged({ANN: SKIP}), Judged({ANN: A}, texts=("same", "same"))) == []


def test_row_a_verdict_tells_who_gave_it_how_and_when(export: Export) -> None:
    rows = export(Judged({ANN: A, BEN: BOTH_BAD}), Judged({JUDGE: SKIP}), rows="verdicts")
    assert [(row["annotator"], row["winner"]) for row in rows] == [
        ("Ann", "a"),
        ("Ben", "both_bad"),
    ]
    shown = {name: rows[0][name] for name in ("labeller_kind", "strength", "rationale", "seconds")}
    assert shown == {
        "labeller_kind": "human",
        "strength": 3.0,
        "rationale": "shorter",
        "seconds": 2.5,
    }
    assert rows[0]["at"] == "2026-05-01T23:30:00+00:00"


def test_kto_puts_ties_and_bad_pairs_to_use(database: Database, export: Export) -> None:
    export(Judged({ANN: B}), Judged({ANN: TIE}), Judged({ANN: BOTH_BAD}))
    with database.read_scope() as session:
        rows = list(export_rows(session, format_named("trl_kto"), ExportFilter()))
    labelled = [(row["completion"][0]["content"], row["label"]) for row in rows]
    assert labelled[:2] == [("other", True), ("one", False)]
    assert [label for _, label in labelled[2:]] == [True, True, False, False]


def test_scores_are_shares_of_the_verdicts(database: Database, export: Export) -> None:
    export(Judged({ANN: B, BEN: B, JUDGE: A}), Judged({ANN: TIE}), Judged({ANN: BOTH_BAD}))
    with database.read_scope() as session:
        rows = list(export_rows(session, format_named("ultrafeedback"), ExportFilter()))
    scores = [(row["score_chosen"], row["score_rejected"]) for row in rows]
    assert scores == [pytest.approx((2 / 3, 1 / 3)), (0.5, 0.5), (0, 0)]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"colour": "red"}, ["colour", "labellers"]),
        ({"rows": "lines"}, ["rows", "lines", "verdicts"]),
        ({"min_agreement": 80}, ["80", "0 to 1"]),
        ({"min_agreement": "most"}, ["min_agreement", "number"]),
        ({"labeller_kinds": ["robot"], "split": "test"}, ["robot", "human", "test", "heldout"]),
        ({"since": "yesterday"}, ["yesterday", "YYYY-MM-DD"]),
        ({"since": "2026-05-02", "until": "2026-05-01"}, ["2026-05-02", "2026-05-01"]),
        ({"rounds": ["one"], "tags": "long"}, ["rounds", "whole numbers", "tags", "texts"]),
        ({"rounds": [True]}, ["rounds"]),
        ({"split": 3}, ["split"]),
    ],
)
def test_filter_that_cannot_work_is_refused_in_words(
    wanted: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(InputError) as refused:
        ExportFilter.from_dict(wanted)
    for word in words:
        assert word in str(refused.value)
