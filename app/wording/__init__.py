"""Rows into words, tables and charts, for screens. Pure: knows nothing of Gradio."""
