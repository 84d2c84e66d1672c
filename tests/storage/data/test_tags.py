"""Tags of prompts: cleaned, set on one, changed on many, and found again."""

import pytest
from sqlalchemy import select

from storage.search import distinct
from storage.schema.database import Database
from storage.errors import InputError, NotFoundError
from storage.data.prompts import add_prompt
from storage.schema.tables import Prompt
from storage.data.tags import change_tags, read_tags, set_tags


@pytest.fixture
def prompts(database: Database) -> list[int]:
    with database.session_scope() as session:
        return [
            add_prompt(session, [{"role": "user", "content": text}], source="x", tags=tags)[0].id
            for text, tags in (("one", []), ("two", ["a"]), ("three", ["a", "b"]))
        ]


def _tags(database: Database) -> list[list[str]]:
    with database.read_scope() as session:
        return list(session.scalars(select(Prompt.tags).order_by(Prompt.id)))


def test_tags_are_stored_without_spaces_around_them_and_once() -> None:
    assert read_tags([" good  one ", "做饭", "", "good one"]) == ["good one", "做饭"]


@pytest.mark.parametrize("tags", [["x" * 51], ["\0"], [str(number) for number in range(21)]])
def test_tags_that_cannot_be_are_refused(tags: list[str]) -> None:
    with pytest.raises(InputError, match="at most"):
        read_tags(tags)


def test_one_prompt_gets_new_tags(database: Database, prompts: list[int]) -> None:
    with database.session_scope() as session:
        assert set_tags(session, prompts[1], ["b ", "c"]) == ["b", "c"]
        with pytest.raises(NotFoundError, match="Prompt 99"):
            set_tags(session, 99, [])
    assert _tags(database) == [[], ["b", "c"], ["a", "b"]]


def test_many_prompts_get_and_lose_tags_and_only_what_differs_is_counted(
    database: Database, prompts: list[int]
) -> None:
    with database.session_scope() as session:
        assert change_tags(session, prompts, add=["b"], remove=["a"]) == 3
        assert change_tags(session, prompts, add=["b"], remove=["a"]) == 0
    assert _tags(database) == [["b"], ["b"], ["b"]]
    with database.read_scope() as session:
        assert distinct.tags(session) == ["b"]
        assert distinct.tag_lists(session, "a") == []
