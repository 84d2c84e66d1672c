"""Settings from the environment, and what is wrong with them."""

from pathlib import Path

import pytest

from storage.errors import InputError
from storage.settings import Settings


def test_defaults_listen_on_this_machine_alone() -> None:
    settings = Settings.from_environment({})
    assert settings == Settings(data_folder=Path("data"))
    assert (settings.host, settings.port) == ("127.0.0.1", 7860)
    assert settings.problems() == []


def test_environment_fills_every_field() -> None:
    settings = Settings.from_environment(
        {
            "PAIRTUNE_DATA": "/srv/pairtune",
            "PAIRTUNE_HOST": "0.0.0.0",  # noqa: S104
            "PAIRTUNE_PORT": "8000",
            "PAIRTUNE_DATABASE_URL": "sqlite:////srv/other.db",
            "PAIRTUNE_MODELS": "org/model, ./folder",
            "PAIRTUNE_DEVICE": "cuda",
        }
    )
    assert settings.data_folder == Path("/srv/pairtune")
    assert settings.sqlite_url == "sqlite:////srv/other.db"
    assert settings.models == ("starter", "org/model", "./folder")
    assert (settings.port, settings.device) == (8000, "cuda")
    assert settings.problems() == []


def test_starter_model_is_first_and_only_once() -> None:
    models = Settings.from_environment({"PAIRTUNE_MODELS": "org/model,starter,,org/model"}).models
    assert models == ("starter", "org/model")


def test_port_that_is_no_number_is_named() -> None:
    with pytest.raises(InputError, match='PAIRTUNE_PORT is "http"'):
        Settings.from_environment({"PAIRTUNE_PORT": "http"})


def test_all_problems_come_at_once() -> None:
    settings = Settings(
        data_folder=Path("data"),
        host="",
        port=70000,
        database_url="postgresql://host/db",
        device="tpu",
    )
    assert [problem.split()[1] for problem in settings.problems()] == [
        "port",
        "host",
        "database",
        "device",
    ]
