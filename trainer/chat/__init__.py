"""Base and tuned answers side by side, streamed out of one process that holds the base once."""
