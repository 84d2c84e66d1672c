"""Runs: their list, and following what their workers do."""
