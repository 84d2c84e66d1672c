"""Pairs: stored with their answers, open for labelling at once, shown together."""

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storage.schema.database import Database
from storage.enums import CompletionOrigin, PairOrigin
from storage.errors import InputError, NotFoundError
from storage.data.pairs import NewCompletion, add_pair
from storage.labelling.history import pair_history
from storage.labelling.preferences import counts
from storage.data.prompts import add_prompt
from storage.schema.tables import Claim, Completion, Pair

from tests.storage.conftest import MakePairs


def _answer(text: str) -> NewCompletion:
    return NewCompletion(
        text=text,
        origin=CompletionOrigin.GENERATED,
        model="starter",
        sampling={"temperature": 0.9},
        seed=7,
        num_tokens=3,
        finish_reason="stop",
    )


def test_pair_keeps_everything_that_is_known_of_its_answers(database: Database) -> None:
    messages = [{"role": "user", "content": "hi"}]
    with database.session_scope() as session:
        prompt, _ = add_prompt(session, messages, source="test")
        pair = add_pair(
            session,
            prompt.id,
            _answer(" Hi!\n"),
            _answer("你好"),
            origin=PairOrigin.GENERATED,
            round=2,
        )
    with database.read_scope() as session:
        view = pair_history(session, pair.id)
        stored = session.get_one(Completion, pair.completion_a)
        assert (view.messages, view.a.text, view.b.text, view.round) == (
            messages,
            " Hi!\n",
            "你好",
            2,
        )
        assert (stored.sampling, stored.seed, stored.num_tokens, stored.finish_reason) == (
            {"temperature": 0.9},
            7,
            3,
            "stop",
        )


def test_generated_pair_is_open_for_labelling_and_a_comparison_is_not(
    database: Database, make_pairs: MakePairs
) -> None:
    (generated,) = make_pairs(1)
    make_pairs(1, origin=PairOrigin.COMPARISON)
    with database.read_scope() as session:
        assert session.scalars(select(Claim.pair_id)).all() == [generated]
        assert counts(session).num_open == 1
        assert counts(session).num_pairs == 2


def test_text_that_cannot_be_stored_is_refused(database: Database, make_pairs: MakePairs) -> None:
    make_pairs(1)
    with database.session_scope() as session, pytest.raises(InputError, match="NUL"):
        add_pair(session, 1, _answer("a\0"), _answer("b"), origin=PairOrigin.GENERATED)
    with database.session_scope() as session, pytest.raises(InputError, match="broken Unicode"):
        add_pair(session, 1, _answer("a"), _answer("\ud800"), origin=PairOrigin.GENERATED)
    with database.session_scope() as session, pytest.raises(NotFoundError, match="Prompt 99"):
        add_pair(session, 99, _answer("a"), _answer("b"), origin=PairOrigin.GENERATED)


def test_pair_of_one_completion_with_itself_is_refused_by_the_table(
    database: Database, make_pairs: MakePairs
) -> None:
    make_pairs(1)

    def store() -> None:
        with database.session_scope() as session:
            session.add(
                Pair(prompt_id=1, completion_a=1, completion_b=1, origin=PairOrigin.GENERATED)
            )

    with pytest.raises(IntegrityError, match="ck_pairs_two_completions"):
        store()
