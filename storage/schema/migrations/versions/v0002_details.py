"""The columns of an imported row that no format reads, kept with its prompt or pair."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; what was imported before has none."""
    op.add_column("prompts", sa.Column("details", sa.JSON(), nullable=True))
    op.add_column("pairs", sa.Column("details", sa.JSON(), nullable=True))
