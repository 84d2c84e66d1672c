"""The tables, the database file that holds them, and the history of both."""
