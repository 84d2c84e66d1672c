"""Sampling completions: one loop for the pairs to be labelled and for the chat."""
