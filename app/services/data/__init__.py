"""Prompts, pairs and tags: making them, and looking through them."""
