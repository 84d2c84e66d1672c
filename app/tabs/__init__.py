"""The screens, one file a tab; each handler is a few lines that call a service."""
