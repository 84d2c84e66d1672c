"""One module a family of formats: which rows are its own, and what they say."""
