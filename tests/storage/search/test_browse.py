"""Looking through what is stored: searching, filtering, counting, and paging by ids."""

from typing import Any

import pytest

from storage.clock import utc_now
from storage.data.pairs import NewCompletion, add_pair
from storage.data.prompts import add_prompt
from storage.enums import BrowseKind, CompletionOrigin, PairOrigin, Searched, Side, Verdict
from storage.errors import InputError
from storage.importing import imports
from storage.importing.rolling_back import roll_back_some
from storage.labelling.history import withdraw_verdict
from storage.labelling.labellers import human_labeller
from storage.schema.database import Database
from storage.schema.tables import Pair, Prompt
from storage.search import browse, distinct, text_index
from storage.search.filters import BrowseFilter
from storage.search.rows import judged_rows, pair_rows
from storage.search.time_limits import OutOfTimeError, time_limit
from tests.storage.conftest import Judge, MakeLabeller

PROMPTS, PAIRS, VERDICTS = BrowseKind


class Browser:
    """One database, and short ways to fill it and to look through it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, prompt: str, *answers: str, origin: str = "generated", **fields: Any) -> int:
        """Store a prompt, and a pair if there are answers; return the id of the last one."""
        with self.database.session_scope() as session:
            row, _ = add_prompt(
                session, [{"role": "user", "content": prompt}], **({"source": "test"} | fields)
            )
            if not answers:
                return row.id
            a, b = (NewCompletion(text=t, origin=CompletionOrigin.GENERATED) for t in answers)
            return add_pair(session, row.id, a, b, origin=PairOrigin(origin)).id

    def index(self) -> None:
        """Bring the search index up to date."""
        for kind in Searched:
            more = True
            while more:
                with self.database.session_scope() as session:
                    more = bool(text_index.index_some(session, kind))

    def find(self, kind: BrowseKind, search: str = "", **filters: Any) -> list[int]:
        """Return the ids that are found; the count must say the same."""
        wanted = BrowseFilter.from_dict(kind, search, filters)
        with self.database.read_scope() as session:
            found = browse.find(session, kind, wanted)
            assert browse.num_wanted(session, kind, wanted) == browse.Number(len(found), True)
        return found


@pytest.fixture
def data(database: Database) -> Browser:
    return Browser(database)


@pytest.fixture(params=["an index lists them", "asked row by row"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries for few and for many rows must find the same."""
    if request.param == "asked row by row":
        monkeypatch.setattr(browse, "_listed", lambda session, asked: None)


@pytest.mark.usefixtures("either_way")
def test_search_looks_at_prompts_and_at_the_answers_of_pairs(data: Browser, judge: Judge) -> None:
    bread = data.add("How do I bake Bread?", "With flour.", "不知道，天气太热。")
    data.add("And rain?", "Yes.", "No.")
    with data.database.session_scope() as session:
        me = human_labeller(session, None, "me").id
    verdict = judge(bread, Verdict.A, labeller_id=me)
    data.index()
    assert data.find(PROMPTS, "bread bake") == [1]
    assert data.find(PROMPTS, "flour") == []
    for search in ("bread", "FLOUR", "flour bread", "天气", "热", "lou"):
        assert data.find(PAIRS, search) == [bread]
        assert data.find(VERDICTS, search) == [verdict]
    for search in ("flour rain", "breadx", "天热"):
        assert data.find(PAIRS, search) == data.find(VERDICTS, search) == []


@pytest.mark.parametrize(
    ("search", "is_there"),
    [
        ('"quoted"', True),
        ('"', True),
        ("100%", True),
        ("%", True),
        ("foo_bar", True),
        ("fo__bar", False),
        ("NOT quoted", False),
        ("quoted OR nothing", False),
        ("text:quoted", False),
        ("quo*", False),
        ("NEAR(quoted foo)", False),
        ("-", True),
        ("^foo", False),
        ("'; DROP TABLE prompts; --", False),
        ("x" * 200, False),
        (" ".join(f"word{number}" for number in range(28)), False),
    ],
)
def test_signs_and_operators_are_plain_text(data: Browser, search: str, is_there: bool) -> None:
    wanted = data.add('A - "quoted" 100% foo_bar')
    data.add("other words")
    data.index()
    assert data.find(PROMPTS, search) == ([wanted] if is_there else [])


def test_words_of_one_or_two_letters_stand_alone(data: Browser) -> None:
    alone, _ = data.add("let us go"), data.add("good")
    data.index()
    assert data.find(PROMPTS, "go") == [alone]


def test_what_is_new_is_counted_until_it_is_in_the_index(data: Browser) -> None:
    data.add("river", "a", "b")
    with data.database.read_scope() as session:
        assert [browse.num_not_indexed(session, kind) for kind in BrowseKind] == [1, 1, 1]
    assert data.find(PROMPTS, "river") == []
    data.index()
    with data.database.read_scope() as session:
        assert [browse.num_not_indexed(session, kind) for kind in BrowseKind] == [0, 0, 0]
    assert data.find(PROMPTS, "river") == [1]


def test_step_of_the_index_that_was_cut_off_is_made_again(data: Browser) -> None:
    data.add("river", "a", "b")

    def step_that_is_cut_off() -> None:
        with data.database.session_scope() as session:
            assert text_index.index_some(session, Searched.PAIRS) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        step_that_is_cut_off()
    with data.database.read_scope() as session:
        assert text_index.num_not_indexed(session, Searched.PAIRS) == 1
    data.index()
    assert data.find(PAIRS, "river") == [1]


def test_texts_of_an_import_that_is_rolled_back_are_not_found_and_new_ones_are(
    data: Browser,
) -> None:
    data.add("river one", "a", "b")
    with data.database.session_scope() as session:
        import_id = imports.begin(session, source="file", started_by="me")
    data.add("river two", "ocean", "sea")
    with data.database.session_scope() as session:
        session.get_one(Prompt, 2).import_id = session.get_one(Pair, 2).import_id = import_id
    data.index()
    assert data.find(PAIRS, "river") == [2, 1]
    with data.database.session_scope() as session:
        while roll_back_some(session, import_id):
            pass
    assert (data.find(PAIRS, "river"), data.find(PAIRS, "ocean")) == ([1], [])
    later = data.add("mountain", "hill", "sea")
    assert later == 3
    data.index()
    assert data.find(PAIRS, "mountain sea") == data.find(PAIRS, "hill") == [later]
    assert (data.find(PAIRS, "ocean"), data.find(PAIRS, "river")) == ([], [1])


@pytest.mark.usefixtures("either_way")
def test_filters_on_the_prompt_hold_for_pairs_and_verdicts_too(data: Browser, judge: Judge) -> None:
    first = data.add("one", "a", "b", source="mine", tags=["x", "做饭"])
    second = data.add("two", "a", "b", source="other's", tags=["x y"])
    with data.database.session_scope() as session:
        me = human_labeller(session, None, "me").id
    verdicts = [judge(pair, Verdict.TIE, labeller_id=me) for pair in (first, second)]
    for kind, ids in ((PROMPTS, [1, 2]), (PAIRS, [first, second]), (VERDICTS, verdicts)):
        assert data.find(kind, source="mine") == ids[:1]
        assert data.find(kind, source="other's") == ids[1:]
        assert data.find(kind, tag="做饭") == data.find(kind, tag="x") == ids[:1]
        assert data.find(kind, tag="x y") == ids[1:]
        assert data.find(kind, tag="y", source="mine") == []
    with data.database.read_scope() as session:
        assert distinct.sources(session) == ["mine", "other's"]
        assert distinct.tags(session) == ["x", "x y", "做饭"]
        splits = [session.get_one(Prompt, prompt).split for prompt in (1, 2)]
    found = [data.find(PROMPTS, split=split) for split in ("train", "heldout")]
    assert found == [[n for n in (2, 1) if splits[n - 1] == s] for s in ("train", "heldout")]


@pytest.mark.usefixtures("either_way")
def test_pairs_are_told_apart_by_what_became_of_them(
    data: Browser, judge: Judge, make_labeller: MakeLabeller
) -> None:
    open_pair, decided = data.add("one", "a", "b"), data.add("two", "a", "b")
    vote = data.add("three", "a", "b", origin="comparison")
    data.add("no answer yet")
    verdict = judge(decided, Verdict.B, labeller_id=make_labeller("ann"))
    judge(vote, Verdict.SKIP, labeller_id=make_labeller("ann"))
    assert data.find(PAIRS, state="decided") == [decided]
    assert data.find(PAIRS, origin="comparison") == [vote]
    assert data.find(VERDICTS, origin="comparison") == [verdict + 1]
    assert data.find(PAIRS, round=0) == [vote, decided, open_pair]
    assert data.find(PAIRS, round=1) == []
    assert data.find(PROMPTS, state="without_pairs") == [4]
    assert data.find(PROMPTS, state="with_pairs") == [3, 2, 1]
    with data.database.session_scope() as session:
        withdraw_verdict(session, verdict, now=utc_now())
    assert data.find(PAIRS, state="withdrawn") == [decided]
    assert data.find(PAIRS, state="decided") == []
    assert data.find(PAIRS, state="open") == [decided, open_pair]


@pytest.mark.usefixtures("either_way")
def test_verdicts_are_told_apart_by_what_they_say_by_whom_and_whether_they_count(
    data: Browser, judge: Judge, make_labeller: MakeLabeller
) -> None:
    pair = data.add("one", "a", "b")
    ann, bob = make_labeller("ann"), make_labeller("bob")
    first = judge(pair, Verdict.A, labeller_id=ann)
    second = judge(pair, Verdict.TIE, labeller_id=ann)
    third = judge(pair, Verdict.SKIP, labeller_id=bob)
    assert data.find(VERDICTS, state="replaced") == [first]
    assert data.find(VERDICTS, state="counts") == [third, second]
    assert data.find(VERDICTS, verdict="tie") == data.find(VERDICTS, verdict="tie", labeller="ann")
    assert data.find(VERDICTS, verdict="tie") == [second]
    assert data.find(VERDICTS, labeller="bob") == [third]
    with data.database.session_scope() as session:
        withdraw_verdict(session, third, now=utc_now())
    assert data.find(VERDICTS, state="withdrawn") == data.find(VERDICTS, verdict="skip") == [third]


def test_pages_follow_one_another_by_id(data: Browser) -> None:
    ids = [data.add(f"prompt {number}") for number in range(5)]
    wanted = BrowseFilter()
    with data.database.read_scope() as session:
        first = browse.find(session, PROMPTS, wanted, limit=2)
    data.add("came meanwhile")
    with data.database.read_scope() as session:
        rest = browse.find(session, PROMPTS, wanted, before=first[-1], limit=9)
    assert [*first, *rest] == ids[::-1]


def test_rows_say_what_was_decided(
    data: Browser, judge: Judge, make_labeller: MakeLabeller
) -> None:
    waiting = data.add("long " * 100, "a", "b", tags=["t"])
    decided = data.add("two", "left", "right")
    for name, verdict in (("ann", Verdict.A), ("bob", Verdict.A), ("cy", Verdict.TIE)):
        last = judge(decided, verdict, labeller_id=make_labeller(name))
    with data.database.read_scope() as session:
        rows = pair_rows(session, [waiting, decided])
        (judged,) = judged_rows(session, [last])
    assert [(row.id, row.is_open, dict(row.verdicts)) for row in rows] == [
        (decided, True, {Verdict.A: 2, Verdict.TIE: 1}),
        (waiting, True, {}),
    ]
    assert (rows[0].a, rows[0].b, rows[1].tags, len(rows[1].prompt)) == (
        "left",
        "right",
        ("t",),
        300,
    )
    assert (judged.prompt, judged.verdict.labeller, judged.verdict.left) == ("two", "cy", Side.A)


def test_filter_that_cannot_be_is_refused_with_all_that_is_wrong() -> None:
    with pytest.raises(InputError, match="Prompts have no filter verdict. Known are source, split"):
        BrowseFilter.from_dict(PROMPTS, "", {"verdict": "a"})
    with pytest.raises(InputError, match=r"split cannot be 'left'.* round must be a number"):
        BrowseFilter.from_dict(PAIRS, "", {"split": "left", "round": "one"})
    with pytest.raises(InputError, match="201 characters"):
        BrowseFilter.from_dict(PAIRS, "x" * 201, {})


def test_query_that_runs_out_of_time_ends_and_the_session_goes_on(database: Database) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with database.read_scope() as session:
        with pytest.raises(OutOfTimeError), time_limit(session, 0.05):
            session.connection().exec_driver_sql(endless).all()
        assert session.connection().exec_driver_sql("SELECT 1").scalar() == 1
