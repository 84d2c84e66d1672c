"""The rules of the house, checked: who imports whom, sizes, names, and what is never written."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate import first_line, pages

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("app", "storage", "trainer")
MAX_FILE_LINES = 400
MAX_MODULES_OF_A_PACKAGE = 8
MAX_MODULES_OF_A_FOLDER = 14
MAX_FUNCTION_LINES = 40
MAX_PARAMETERS = 5
VAGUE_NAMES = {"utils", "util", "helpers", "common", "misc", "base", "manager"}
HEAVY = {"torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "datasets"}

BUILD_THE_APP = """
import json, sys
from pathlib import Path
import app.main
from app.web.server import build_app, open_context
from storage.schema.database import open_database
from storage.settings import Settings

settings = Settings(data_folder=Path(sys.argv[1]))
context = open_context(settings, open_database(settings))
build_app(context, "http://127.0.0.1:7860")
context.chat.close()
context.database.close()
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def _files(*suffixes: str, folders: tuple[str, ...] = (*PACKAGES, "docs", "tests")) -> list[Path]:
    return [
        path
        for folder in folders
        for path in sorted((PROJECT / folder).rglob("*"))
        if path.suffix in suffixes and "__pycache__" not in path.parts
    ]


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _place(path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return f"{path.relative_to(PROJECT)}:{node.lineno} {node.name}"


def test_import_rules_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports"))]
    checked = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_files_are_short_enough_to_read() -> None:
    long = {
        str(path.relative_to(PROJECT)): num_lines
        for path in _files(".py", ".js", ".css")
        if (num_lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_FILE_LINES
    }
    assert long == {}


def test_no_folder_holds_more_modules_than_a_stranger_looks_through() -> None:
    full = {}
    for folder in sorted({path.parent for path in _files(".py", folders=PACKAGES)}):
        name = str(folder.relative_to(PROJECT))
        # One module a form, or a migration: nobody looks through them for something else.
        if folder.name not in {"formats", "versions"}:
            most = MAX_MODULES_OF_A_PACKAGE if name in PACKAGES else MAX_MODULES_OF_A_FOLDER
            if (number := len(list(folder.glob("*.py")))) > most:
                full[name] = number
    assert full == {}


def test_functions_are_short_enough_to_read() -> None:
    long = {
        _place(path, node): num_lines
        for path in _files(".py", folders=PACKAGES)
        for node in _functions(path)
        # A migration spells its tables out, column by column.
        if "migrations" not in path.parts
        and (num_lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_functions_take_few_positional_parameters() -> None:
    wide = {
        _place(path, node): len(names)
        for path in _files(".py", folders=PACKAGES)
        for node in _functions(path)
        if len(names := _positional(node)) > MAX_PARAMETERS
    }
    assert wide == {}


def _positional(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    return [name for name in names if name not in {"self", "cls"}]


def test_no_file_has_a_name_that_says_nothing() -> None:
    files = _files(".py", ".js", ".css")
    assert [str(path) for path in files if path.stem in VAGUE_NAMES] == []


def test_every_module_says_what_it_is() -> None:
    files = _files(".py", ".js", ".css", folders=(*PACKAGES, "docs"))
    silent = [path for path in files if not first_line(path)]
    assert [str(path.relative_to(PROJECT)) for path in silent] == []


@pytest.mark.parametrize("option", ["shell", "trust_remote_code"])
def test_dangerous_option_is_never_switched_on(option: str) -> None:
    found = [
        f"{path.relative_to(PROJECT)}:{node.value.lineno}"
        for path in _files(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword)
        and node.arg == option
        and not (isinstance(node.value, ast.Constant) and node.value.value is False)
    ]
    assert found == []


def test_services_write_no_sql_themselves() -> None:
    allowed = {"sqlalchemy.orm.Session"}
    found = [
        f"{path.relative_to(PROJECT)}: {name}"
        for path in _files(".py", folders=("app",))
        for name in _imported_names(path)
        if name.startswith("sqlalchemy") and name not in allowed
    ]
    assert found == []


def _imported_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_library_that_is_imported_is_declared() -> None:
    requirements = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    declared = {line.partition("==")[0] for line in requirements.splitlines() if "==" in line}
    imported = {
        name.partition(".")[0]
        for path in _files(".py", folders=PACKAGES)
        for name in _imported_names(path)
    }
    ours = {*PACKAGES, *sys.stdlib_module_names}
    assert imported - ours - declared == set()


def test_docs_name_every_endpoint_and_every_module() -> None:
    drifted = [page.name for page, text in pages().items() if page.read_text("utf-8") != text]
    assert drifted == [], "run `make docs`"


def test_web_process_never_imports_torch(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-c", BUILD_THE_APP, str(tmp_path / "data")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert built.returncode == 0, built.stderr
    loaded = set(json.loads(built.stdout.splitlines()[-1]))
    assert "gradio" in loaded
    assert loaded & HEAVY == set()
