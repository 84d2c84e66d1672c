"""Imports in batches: what a file has stored is marked, and can be taken back."""

import sqlalchemy as sa
from alembic import op

from storage.schema.migrations.columns import one_of, where

revision = "0003"
down_revision = "0002"

MARKED = ("prompts", "pairs", "preferences")


def upgrade() -> None:
    """Add the table of imports, the marks, and the indexes that deleting needs."""
    _create_imports()
    for table in MARKED:
        op.add_column(table, sa.Column("import_id", sa.Integer(), nullable=True))
        op.create_index(
            f"ix_{table}_import_id", table, ["import_id"], **where("import_id IS NOT NULL")
        )
    op.create_index(op.f("ix_pairs_completion_a"), "pairs", ["completion_a"])
    op.create_index(op.f("ix_pairs_completion_b"), "pairs", ["completion_b"])
    op.create_index(
        "ix_preferences_superseded_by",
        "preferences",
        ["superseded_by"],
        **where("superseded_by IS NOT NULL"),
    )
    op.create_index(
        "ix_claims_closed", "claims", ["preference_id"], **where("preference_id IS NOT NULL")
    )


def _create_imports() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column(
            "status",
            one_of("status", "running", "taking_back", "finished", "kept", "taken_back"),
            nullable=False,
        ),
        sa.Column("stop", one_of("stop", "keep", "take_back"), nullable=True),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_imports_status"), "imports", ["status"])
