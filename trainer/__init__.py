"""Models: recipes, generation, chat, and the run folder that they all work on.

Knows nothing of the database and nothing of Gradio.
"""
