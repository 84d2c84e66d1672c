"""Reads preference files: one module a family of formats, chosen by looking at each row."""
