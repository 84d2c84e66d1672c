"""Labellers that use a model to judge answers."""
