"""The run folder, the worker process that works on it, and what a run is given. Light."""
