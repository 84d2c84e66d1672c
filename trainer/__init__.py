"""Models: recipes, generation, chat, and the run folder that they all work on.

Knows nothing of the database and nothing of Gradio.
"""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""Where `python -m trainer` and the project's other modules are started from."""
