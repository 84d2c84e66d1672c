"""Rows that mean something only together: they wait in temporary tables."""
