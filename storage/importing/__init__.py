"""Writes what importers have understood into the tables, and rolls it back."""
