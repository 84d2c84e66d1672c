"""The server's list of run kinds and the worker's are the same, and recipes are made of them."""

from importlib.util import find_spec

from app.services.tuning.recipes import RECIPES
from storage.enums import RunKind
from trainer.runs.kinds import KINDS


def test_server_and_worker_know_the_same_kinds_and_agree_on_what_trains() -> None:
    assert {kind.value: kind.trains for kind in RunKind} == {
        name: kind.trains for name, kind in KINDS.items()
    }


def test_what_carries_a_kind_out_is_there() -> None:
    assert [
        kind.module for kind in KINDS.values() if kind.module and not find_spec(kind.module)
    ] == []


def test_every_recipe_trains_and_can_be_carried_out() -> None:
    kinds = [kind for recipe in RECIPES.values() for kind in recipe.kinds]
    assert {kind for kind in RunKind if kind.trains} == set(kinds)
    assert all(KINDS[kind.value].module for kind in kinds)
