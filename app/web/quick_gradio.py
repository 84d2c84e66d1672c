"""Import Gradio without the typing stubs that it writes for editors: half of its import time.

For each of its components Gradio parses the component's source twice at import, to rewrite a .pyi
file beside it: 1.5 of 3 seconds here. It leaves that out for a component without a source file, and
so `inspect.getfile` answers its question with "no file" for as long as the import takes.
"""

import inspect
import sys
from types import FrameType
from typing import Any

STUB_WRITER = "gradio.component_meta"


def import_gradio() -> None:
    """Import Gradio; does nothing when it is there already."""
    find_file = inspect.getfile

    def find_file_for_others(thing: Any) -> str:
        if _calls_from(sys._getframe(1), STUB_WRITER):
            raise OSError("typing stubs are not written")
        return find_file(thing)

    inspect.getfile = find_file_for_others  # type: ignore[assignment]
    try:
        import gradio  # noqa: F401
    finally:
        inspect.getfile = find_file


def _calls_from(frame: FrameType, module: str) -> bool:
    return frame.f_globals.get("__name__") == module
