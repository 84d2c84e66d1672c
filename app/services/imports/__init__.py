"""Bringing files and datasets in."""
