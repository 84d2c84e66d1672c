"""Write the file map of README.md from the first line of each file: `python docs/file_map.py`.

A test compares the map with the files, so that it cannot drift.
"""

import ast
import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
README = PROJECT / "README.md"
PACKAGES = ("app", "trainer", "storage")
BEGIN = "<!-- file map: written by docs/file_map.py -->"
END = "<!-- end of the file map -->"
_FIRST_COMMENT = re.compile(r"\s*(?:/\*+|//)\s*(.+?)\s*(?:\*/)?\s*\n")


def file_map() -> str:
    """The map as Markdown: one line a file, a block a package."""
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
        docstring = ast.get_docstring(ast.parse(text)) or ""
        return docstring.partition("\n")[0]
    comment = _FIRST_COMMENT.match(text)
    return comment.group(1) if comment else ""


def with_map(readme: str) -> str:
    """The README with a map made now in the place of the old one."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{file_map()}\n\n{END}{after}"


def main() -> int:
    """Rewrite the map in README.md."""
    README.write_text(with_map(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
