"""Looks through all that is stored, at any size: filters, pages, the search index, tallies."""
