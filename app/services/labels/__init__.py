"""Verdicts: labelling, comparing models, withdrawing, statistics."""
