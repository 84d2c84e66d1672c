"""Runs migrations on the connection and inside the transaction that the caller has opened."""

from alembic import context

from storage.schema.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
)
context.run_migrations()
