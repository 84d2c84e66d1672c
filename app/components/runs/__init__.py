"""The panels that start, show and export training runs."""
