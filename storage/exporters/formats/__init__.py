"""One module a format: the rows that stand for a judged pair, and their files."""
