"""Statistics on results: pure functions that know nothing of models, never importing torch."""
