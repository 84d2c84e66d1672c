"""The panels that bring prompts and pairs in."""
