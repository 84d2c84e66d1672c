"""Parts of libraries that they do not promise to keep are used in trainer/private alone."""

import ast
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from trainer.private import WRITTEN_FOR

PROJECT = Path(__file__).resolve().parents[2]
PRIVATE = PROJECT / "trainer" / "private"
# What a library offers lies in its root, and in these modules that its documentation names.
DOCUMENTED = {
    "accelerate.utils",
    "bitsandbytes.nn",
    "transformers.integrations.sdpa_attention",  # what an attention of one's own falls back on
    "transformers.utils.logging",
}
LEFT = {
    "trainer/exporting/merge.py": {"peft.tuners.lora"},
    "trainer/generation/growing_cache.py": {"transformers.cache_utils"},
}


@pytest.mark.parametrize("library", WRITTEN_FOR)
def test_version_is_the_one_that_private_parts_were_written_for(library: str) -> None:
    written_for = WRITTEN_FOR[library]
    pins = dict(
        line.split("==")
        for line in (PROJECT / "requirements.txt").read_text(encoding="utf-8").split()
        if "==" in line
    )
    advice = f"look through trainer/private/{library}.py, then change WRITTEN_FOR"
    for found, where in ((version(library), "installed"), (pins[library], "in requirements.txt")):
        is_same = found.split("+")[0].startswith(f"{written_for}.")
        assert is_same, f"written for {library} {written_for}, but {found} is {where}: {advice}"


def test_private_parts_of_libraries_are_used_in_one_folder() -> None:
    found: dict[str, set[str]] = {}
    for path in sorted((PROJECT / "trainer").rglob("*.py")):
        if path.parent != PRIVATE and (names := set(_private_names(path))):
            found[str(path.relative_to(PROJECT))] = names
    assert found == LEFT


def _private_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and _is_private_module(node.module or ""):
            yield node.module or ""
        if isinstance(node, ast.Attribute) and _is_hidden(node.attr) and not _is_own(node.value):
            yield node.attr


def _is_private_module(name: str) -> bool:
    library, *rest = name.split(".")
    if library == "torch":  # whose documented modules are too many to name
        return any(map(_is_hidden, rest))
    return library in WRITTEN_FOR and bool(rest) and name not in DOCUMENTED


def _is_hidden(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _is_own(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in {"self", "cls"}
