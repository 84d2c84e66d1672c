"""The web server around the page: who may reach it, sessions, errors, downloads."""
