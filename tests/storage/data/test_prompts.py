"""Prompts: once by content, split by hash, searched, picked, and the starter set."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from storage.schema.database import Database
from storage.enums import CompletionOrigin, PairOrigin, Side, Split, Verdict
from storage.errors import InputError, NotFoundError
from storage.labelling.labellers import human_labeller
from storage.data.pairs import NewCompletion, add_pair
from storage.labelling.preferences import NewPreference, counts, record
from storage.data.conversations import content_hash, split_of
from storage.data.prompts import add_prompt, heldout_prompts, load_starter_prompts, prompt_detail, prompt_rows, prompts_for_pairs
from storage.schema.tables import Prompt


def _user(content: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": content}]


def test_same_content_is_stored_once(database: Database) -> None:
    with database.session_scope() as session:
        first, is_new = add_prompt(session, _user("hi"), source="one", tags=["greeting"])
        again, is_new_again = add_prompt(session, _user("hi"), source="two")
    assert (is_new, is_new_again) == (True, False)
    assert (first.id, first.source, first.tags) == (again.id, "one", ["greeting"])


def test_texts_that_differ_in_a_space_are_two_prompts(database: Database) -> None:
    with database.session_scope() as session:
        first, _ = add_prompt(session, _user("hi"), source="test")
        other, is_new = add_prompt(session, _user(" hi"), source="test")
    assert is_new
    assert other.text == " hi"


def test_prompt_that_ends_with_an_answer_is_refused(database: Database) -> None:
    messages = [*_user("hi"), {"role": "assistant", "content": "hello"}]
    with (
        database.session_scope() as session,
        pytest.raises(InputError, match="that do not end with the user cannot"),
    ):
        add_prompt(session, messages, source="test")


@given(st.text(max_size=30))
def test_split_is_a_function_of_the_content(content: str) -> None:
    digest = content_hash(_user(content))
    assert split_of(digest) is split_of(content_hash(_user(content)))


def test_about_fifteen_percent_are_held_out() -> None:
    splits = Counter(split_of(content_hash(_user(str(number)))) for number in range(4000))
    assert 0.13 < splits[Split.HELDOUT] / 4000 < 0.17


def test_split_follows_the_last_bits_of_the_hash() -> None:
    assert split_of("f" * 56 + "26666665") is Split.HELDOUT  # just below 0.15 * 2**32
    assert split_of("0" * 56 + "26666667") is Split.TRAIN


def test_prompts_picked_for_pairs_are_split_as_all_prompts_are(database: Database) -> None:
    with database.session_scope() as session:
        load_starter_prompts(session)
        picked = prompts_for_pairs(session, limit=60)
    num_heldout = sum(prompt.split is Split.HELDOUT for prompt in picked)
    assert 4 <= num_heldout <= 15  # 9 expected


def test_role_is_part_of_the_content() -> None:
    system = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
    turns = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    assert content_hash(system) != content_hash(turns)


def test_row_of_a_list_counts_the_pairs_and_those_with_a_verdict(database: Database) -> None:
    with database.session_scope() as session:
        bread, _ = add_prompt(session, _user("How do I bake bread?"), source="mine", tags=["做饭"])
        other, _ = add_prompt(session, _user("And cake?"), source="mine")
        texts = [NewCompletion(text=t, origin=CompletionOrigin.GENERATED) for t in ("x", "y", "z")]
        pair = add_pair(session, bread.id, texts[0], texts[1], origin=PairOrigin.GENERATED)
        add_pair(session, bread.id, texts[0], texts[2], origin=PairOrigin.GENERATED)
        me = human_labeller(session, None, "me")
        record(session, NewPreference("s", pair.id, me.id, Verdict.TIE, Side.A))
    with database.read_scope() as session:
        rows = prompt_rows(session, [other.id, bread.id, 99])
    assert [(row.id, row.num_pairs, row.num_labelled, row.tags) for row in rows] == [
        (other.id, 0, 0, ()),
        (bread.id, 2, 1, ("做饭",)),
    ]


def test_detail_shows_answers_with_what_verdicts_said_of_them(database: Database) -> None:
    with database.session_scope() as session:
        prompt, _ = add_prompt(session, _user("hi"), source="test")
        a = NewCompletion(text="a", origin=CompletionOrigin.GENERATED, model="starter")
        b = NewCompletion(text="b", origin=CompletionOrigin.EDITED)
        pair = add_pair(session, prompt.id, a, b, origin=PairOrigin.GENERATED)
        for name, verdict in (("one", Verdict.B), ("two", Verdict.TIE), ("three", Verdict.SKIP)):
            labeller = human_labeller(session, None, name)
            record(session, NewPreference(name, pair.id, labeller.id, verdict, Side.A))
    with database.read_scope() as session:
        detail = prompt_detail(session, prompt.id)
        with pytest.raises(NotFoundError, match="Prompt 99"):
            prompt_detail(session, 99)
    found = [(row.text, row.num_chosen, row.num_rejected) for row in detail.completions]
    assert found == [("a", 0, 1), ("b", 1, 0)]
    assert [row.num_undecided for row in detail.completions] == [1, 1]
    assert detail.completions[0].model == "starter"


def test_prompts_for_pairs_leave_out_those_that_have_one(database: Database) -> None:
    with database.session_scope() as session:
        load_starter_prompts(session)
        mine = {add_prompt(session, _user(f"mine {n}"), source="mine")[0].id for n in range(3)}
        picked = prompts_for_pairs(session, limit=5)
        assert {prompt.id for prompt in picked[:3]} == mine
        done = picked[0]
        a, b = (NewCompletion(text=t, origin=CompletionOrigin.GENERATED) for t in "ab")
        add_pair(session, done.id, a, b, origin=PairOrigin.GENERATED)
        again = prompts_for_pairs(session, limit=1000)
        assert done.id not in {prompt.id for prompt in again}
        assert len(again) == counts(session).num_prompts - 1
        everything = prompts_for_pairs(session, limit=1000, only_without_pair=False)
        assert everything[-1].id == done.id


def test_starter_prompts_go_into_an_empty_database_only(database: Database) -> None:
    with database.session_scope() as session:
        num_added = load_starter_prompts(session)
        assert num_added == counts(session).num_prompts >= 120
        assert load_starter_prompts(session) == 0


def test_starter_prompts_are_mixed_and_twenty_or_more_are_held_out(database: Database) -> None:
    with database.session_scope() as session:
        load_starter_prompts(session)
        rows = prompt_rows(session, list(session.scalars(select(Prompt.id))))
        kinds = Counter(row.tags[0] for row in rows)
        assert {
            "advice",
            "explaining",
            "writing",
            "coding",
            "refusing harm",
            "maths",
            "summarising",
        } <= set(kinds)
        assert min(kinds.values()) >= 10
        assert sum("chinese" in row.tags for row in rows) >= 20
        assert sum("several turns" in row.tags for row in rows) >= 5
        heldout = [row for row in rows if row.split is Split.HELDOUT]
        assert len(heldout) == len(heldout_prompts(session, limit=1000)) >= 20
        assert len({row.tags[0] for row in heldout}) >= 6
        assert max(len(row.text) for row in rows) < 400
