"""The history of the schema, as Alembic revisions that run when the database is opened."""

HEAD = "0007"
"""The newest revision: a database that has it starts without loading Alembic."""
