"""The web application of PairTune: screens, use cases, and the server that joins the two."""

import os

# Gradio reads this when it is imported, and would report to its makers otherwise.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
