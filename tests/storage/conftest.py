"""A real database in a temporary folder, and short ways to fill it."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.clock import utc_now
from storage.data.pairs import NewCompletion, add_pair
from storage.data.prompts import add_prompt
from storage.enums import CompletionOrigin, PairOrigin, Side, Verdict
from storage.labelling.labellers import human_labeller
from storage.labelling.preferences import NewPreference, record
from storage.schema.database import Database, open_database
from storage.settings import Settings

MakePairs = Callable[..., list[int]]
MakeLabeller = Callable[[str], int]
Judge = Callable[..., int]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_folder=tmp_path / "data")


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, made once: copying it is much faster than migrating."""
    folder = tmp_path_factory.mktemp("empty")
    open_database(Settings(data_folder=folder)).close()
    return folder / "pairtune.db"


@pytest.fixture
def database(settings: Settings, empty_file: Path) -> Iterator[Database]:
    settings.data_folder.mkdir(mode=0o700)
    shutil.copy(empty_file, settings.data_folder)
    opened = open_database(settings)
    yield opened
    opened.close()


@pytest.fixture
def make_pairs(database: Database) -> MakePairs:
    """Store pairs of one prompt each and return their ids."""
    numbers = itertools.count(1)

    def make(count: int = 1, *, origin: PairOrigin = PairOrigin.GENERATED) -> list[int]:
        made = []
        with database.session_scope() as session:
            for number in itertools.islice(numbers, count):
                messages = [{"role": "user", "content": f"prompt {number}"}]
                prompt, _ = add_prompt(session, messages, source="test")
                a, b = (
                    NewCompletion(text=f"answer {number} {side}", origin=CompletionOrigin.GENERATED)
                    for side in "ab"
                )
                made.append(add_pair(session, prompt.id, a, b, origin=origin).id)
        return made

    return make


@pytest.fixture
def make_labeller(database: Database) -> MakeLabeller:
    """Return the id of a labeller by name."""

    def make(name: str) -> int:
        with database.session_scope() as session:
            return human_labeller(session, None, name).id

    return make


@pytest.fixture
def judge(database: Database) -> Judge:
    """Store a verdict beside the queue and return the preference's id."""
    numbers = itertools.count(1)

    def store(pair_id: int, verdict: Verdict, *, labeller_id: int) -> int:
        new = NewPreference(
            submit_id=f"judge-{next(numbers)}",
            pair_id=pair_id,
            labeller_id=labeller_id,
            verdict=verdict,
            left=Side.A,
        )
        with database.session_scope() as session:
            return record(session, new, now=utc_now()).id

    return store
