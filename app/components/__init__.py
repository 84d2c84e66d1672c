"""Widgets and pure markup that two screens or more use."""
