"""Write the parts of README.md that the code tells best: `python docs/readme_sections.py`.

These are the table of endpoints, from the signatures and docstrings in app/tabs/api.py, and the
map of files, from their first lines. A test compares them with the code, so they cannot drift.
"""

import ast
import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
README = PROJECT / "README.md"
ENDPOINTS = PROJECT / "app" / "tabs" / "api.py"
PACKAGES = ("app", "trainer", "storage")
_FIRST_COMMENT = re.compile(r"\s*(?:/\*+|//)\s*(.+?)\s*(?:\*/)?\s*\n")


def file_map() -> str:
    """The map of files as Markdown: one line a file, a block a package."""
    blocks = []
    for package in PACKAGES:
        files = [path for path in sorted((PROJECT / package).rglob("*")) if _is_mapped(path)]
        names = [str(path.relative_to(PROJECT)) for path in files]
        width = max(map(len, names))
        lines = (
            f"{name:<{width}}  {first_line(path)}" for name, path in zip(names, files, strict=True)
        )
        blocks.append("```text\n" + "\n".join(lines) + "\n```")
    return "\n\n".join(blocks)


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


def with_sections(readme: str) -> str:
    """The README with its sections written anew."""
    for name, text in (("endpoints", endpoint_table()), ("file map", file_map())):
        begin, end = f"<!-- {name}: written by docs/readme_sections.py -->", f"<!-- end {name} -->"
        before, _, rest = readme.partition(begin)
        _, _, after = rest.partition(end)
        readme = f"{before}{begin}\n\n{text}\n\n{end}{after}"
    return readme


def main() -> int:
    """Rewrite the sections in README.md."""
    README.write_text(with_sections(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
