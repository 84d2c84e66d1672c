"""Write the pages that the code tells best: `python docs/generate.py`.

They are http.md, the named endpoints by their signatures and docstrings, and map.md, each file by
its first line. A test compares them with the code, so they cannot drift.
"""

import ast
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PROJECT = DOCS.parent
ENDPOINTS = PROJECT / "app" / "tabs" / "api.py"
PACKAGES = ("app", "trainer", "storage")
_FIRST_COMMENT = re.compile(r"\s*(?:/\*+|//)\s*(.+?)\s*(?:\*/)?\s*\n")


def pages() -> dict[Path, str]:
    """Every page with a generated part, as it should be."""
    return {
        DOCS / "http.md": _with_part(DOCS / "http.md", "endpoints", endpoint_table()),
        DOCS / "map.md": _with_part(DOCS / "map.md", "file map", file_map()),
    }


def file_map() -> str:
    """The map of files as Markdown: one line a file, a block a folder."""
    blocks = []
    for package in PACKAGES:
        files = sorted(path for path in (PROJECT / package).rglob("*") if _is_mapped(path))
        for folder in sorted({path.parent for path in files}):
            blocks.append(_block(folder, [path for path in files if path.parent == folder]))
    return "\n\n".join(blocks)


def _block(folder: Path, files: list[Path]) -> str:
    """A folder with what it says of itself, and its files."""
    names = [path.name for path in files if path.name != "__init__.py"]
    width = max(map(len, names), default=0)
    lines = [f"{name:<{width}}  {first_line(folder / name)}" for name in names]
    about = folder / "__init__.py"
    title = f"**{folder.relative_to(PROJECT)}/** {first_line(about) if about.exists() else ''}"
    return "\n\n".join([title.strip(), "```text\n" + "\n".join(lines) + "\n```"][: 1 + bool(lines)])


def _is_mapped(path: Path) -> bool:
    return path.suffix in {".py", ".js", ".css"} and "__pycache__" not in path.parts


def first_line(path: Path) -> str:
    """What the file says it is: the first line of its docstring, or its first comment."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return _summary(ast.parse(text))
    comment = _FIRST_COMMENT.match(text)
    return comment.group(1) if comment else ""


def _summary(node: ast.Module | ast.FunctionDef) -> str:
    return (ast.get_docstring(node) or "").partition("\n")[0]


def endpoint_table() -> str:
    """The named endpoints as a Markdown table: name, arguments in order, what it does."""
    tree = ast.parse(ENDPOINTS.read_text(encoding="utf-8"))
    rows = ["| endpoint | arguments | does |", "|---|---|---|"]
    for function in _endpoint_functions(tree):
        arguments = ", ".join(f"`{text}`" for text in _arguments(function)) or "none"
        rows.append(f"| `/{function.name}` | {arguments} | {_summary(function)} |")
    return "\n".join(rows)


def _endpoint_functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and any(map(_is_role_check, node.decorator_list))
    ]


def _is_role_check(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "require"


def _arguments(function: ast.FunctionDef) -> list[str]:
    names = function.args.args
    defaults = [None] * (len(names) - len(function.args.defaults)) + list(function.args.defaults)
    return [
        name.arg if default is None else f"{name.arg}={ast.unparse(default)}"
        for name, default in zip(names, defaults, strict=True)
        if name.arg not in {"self", "request"}
    ]


def _with_part(page: Path, name: str, text: str) -> str:
    """The page with its generated part written anew."""
    begin, end = f"<!-- {name}: written by docs/generate.py -->", f"<!-- end {name} -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


def main() -> int:
    """Rewrite the pages."""
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
