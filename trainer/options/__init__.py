"""Options of every kind of run: their fields, groups and presets. Light."""
