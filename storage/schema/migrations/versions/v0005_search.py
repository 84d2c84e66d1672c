"""Searching and filtering at any size: the search index, and indexes of what is rare."""

import sqlalchemy as sa
from alembic import op

from storage.schema.migrations.columns import where

revision = "0005"
down_revision = "0004"

SEARCHED = ("prompts", "pairs")


def upgrade() -> None:
    """Add the index, still empty: the server fills it beside its other work."""
    kind = sa.Enum(*SEARCHED, name="kind", native_enum=False, create_constraint=True, length=16)
    progress = op.create_table(
        "search_progress",
        sa.Column("kind", kind, nullable=False),
        sa.Column("indexed_to", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_search_progress")),
    )
    op.bulk_insert(progress, [{"kind": name, "indexed_to": 0} for name in SEARCHED])
    if op.get_context().dialect.name == "sqlite":
        for name in SEARCHED:
            _create_text_index(name)
    op.create_index(op.f("ix_prompts_source"), "prompts", ["source"])
    op.create_index("ix_prompts_tags", "prompts", ["tags"], **where("tags <> '[]'"))
    op.create_index(
        "ix_preferences_withdrawn",
        "preferences",
        ["withdrawn_at"],
        **where("withdrawn_at IS NOT NULL"),
    )
    op.create_index(
        "ix_preferences_undecisive",
        "preferences",
        ["verdict"],
        **where("verdict IN ('tie', 'both_bad', 'skip')"),
    )


def _create_text_index(name: str) -> None:
    # All but spaces and ASCII signs belongs to a token; the grams are cut before.
    op.execute(
        f"CREATE VIRTUAL TABLE {name}_grams USING fts5"
        "(grams, content='', columnsize=0, detail=none, tokenize='ascii')"
    )
    # SQLite gives the ids of deleted last rows again; so these have to be indexed again.
    op.execute(f"""
        CREATE TRIGGER {name}_search_again AFTER DELETE ON {name} BEGIN
            UPDATE search_progress SET indexed_to = (SELECT coalesce(max(id), 0) FROM {name})
            WHERE kind = '{name}' AND indexed_to > (SELECT coalesce(max(id), 0) FROM {name});
        END
    """)  # noqa: S608
