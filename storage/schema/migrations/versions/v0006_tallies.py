"""Numbers that are kept instead of counted, and fewer indexes for an import to fill."""

import sqlalchemy as sa
from alembic import op

from storage.schema.migrations.columns import one_of, where

# ruff: noqa: S608 - the statements are made of names and conditions in this file

revision = "0006"
down_revision = "0005"


def _active(row: str) -> str:
    return f"({row}.withdrawn_at IS NULL AND {row}.superseded_by IS NULL)"


def _decided(row: str) -> str:
    return f"({_active(row)} AND {row}.verdict <> 'skip')"


def upgrade() -> None:
    """Add the tallies with what there is to count, and the triggers that keep them."""
    _create_tallies()
    _create_verdict_tallies()
    _count()
    if op.get_context().dialect.name == "sqlite":
        for table in ("prompts", "pairs"):
            _keep(table, "INSERT", [_add(table, 1)])
            _keep(table, "DELETE", [_add(table, -1)])
        _keep_open()
        _keep_verdicts()
    _change_indexes()
    # Beginning with the prompt's id, new ones stand beside each other in their index.
    op.execute(
        "UPDATE pairs SET import_hash = printf('%016x', prompt_id) || substr(import_hash, 1, 48) "
        "WHERE import_hash IS NOT NULL"
    )


def _create_tallies() -> None:
    op.create_table(
        "tallies",
        sa.Column(
            "kind",
            one_of("kind", "prompts", "pairs", "verdicts", "labelled", "open"),
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_tallies")),
        sqlite_with_rowid=False,
    )


def _create_verdict_tallies() -> None:
    op.create_table(
        "verdict_tallies",
        sa.Column("labeller_id", sa.Integer(), nullable=False),
        sa.Column(
            "verdict", one_of("verdict", "a", "b", "tie", "both_bad", "skip"), nullable=False
        ),
        sa.Column("left", sa.String(length=1), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["labeller_id"], ["labellers.id"], name=op.f("fk_verdict_tallies_labeller_id")
        ),
        sa.PrimaryKeyConstraint("labeller_id", "verdict", "left", name=op.f("pk_verdict_tallies")),
        sqlite_with_rowid=False,
    )


def _count() -> None:
    counted = {
        "prompts": "prompts",
        "pairs": "pairs",
        "verdicts": "preferences",
        "open": "claims WHERE preference_id IS NULL",
    }
    for kind, rows in counted.items():
        op.execute(f"INSERT INTO tallies SELECT '{kind}', count(*) FROM {rows}")
    op.execute(
        "INSERT INTO tallies SELECT 'labelled', count(DISTINCT pair_id) FROM preferences "
        f"WHERE {_decided('preferences')}"
    )
    op.execute(
        "INSERT INTO verdict_tallies SELECT labeller_id, verdict, coalesce(\"left\", ''), count(*) "
        f"FROM preferences WHERE {_active('preferences')} GROUP BY 1, 2, 3"
    )


def _keep_open() -> None:
    is_open = "{}.preference_id IS NULL"
    _keep("claims", "INSERT", [_add("open", 1)], when=is_open.format("NEW"))
    _keep("claims", "DELETE", [_add("open", -1)], when=is_open.format("OLD"))
    change = "(NEW.preference_id IS NULL) - (OLD.preference_id IS NULL)"
    _keep("claims", "UPDATE OF preference_id", [_add("open", change)], when=change)


def _keep_verdicts() -> None:
    _keep("preferences", "INSERT", [_add("verdicts", 1), *_judged("NEW", 1)])
    _keep("preferences", "DELETE", [_add("verdicts", -1), *_judged("OLD", -1)])
    _keep(
        "preferences",
        "UPDATE OF withdrawn_at, superseded_by",
        [*_judged("OLD", -1, unless="NEW"), *_judged("NEW", 1, unless="OLD")],
    )


def _judged(row: str, change: int, *, unless: str | None = None) -> list[str]:
    """The steps for a verdict that begins or ends to count; `unless` the other row counts too."""
    also = f" AND NOT {_active(unless)}" if unless else ""
    by_labeller = (
        f"INSERT INTO verdict_tallies SELECT {row}.labeller_id, {row}.verdict, "
        f"coalesce({row}.\"left\", ''), {change} WHERE {_active(row)}{also} "
        f"ON CONFLICT DO UPDATE SET number = number + {change}"
    )
    # A pair is labelled by its first verdict that decides, and no longer without its last one.
    others = (
        f"SELECT 1 FROM preferences AS p WHERE p.pair_id = {row}.pair_id "
        f"AND p.id <> {row}.id AND {_decided('p')}"
    )
    by_pair = f"{_add('labelled', change)} AND {_decided(row)}{also} AND NOT EXISTS ({others})"
    return [by_labeller, by_pair]


def _add(kind: str, change: int | str) -> str:
    return f"UPDATE tallies SET number = number + ({change}) WHERE kind = '{kind}'"


def _keep(table: str, event: str, steps: list[str], *, when: str = "1") -> None:
    name = f"{table}_tally_{event.split()[0].lower()}"
    body = "; ".join(steps)
    op.execute(f"CREATE TRIGGER {name} AFTER {event} ON {table} WHEN {when} BEGIN {body}; END")


def _change_indexes() -> None:
    op.drop_index("ix_prompts_split", "prompts")  # of two values: it never helps
    op.drop_index("ix_pairs_run_id", "pairs")
    op.create_index("ix_pairs_run_id", "pairs", ["run_id"], **where("run_id IS NOT NULL"))
    op.drop_index("ix_preferences_labeller_day", "preferences")
    active = "withdrawn_at IS NULL AND superseded_by IS NULL"
    condition = ["verdict", "withdrawn_at", "superseded_by", "import_id"]
    op.create_index(
        "ix_preferences_labeller_day",
        "preferences",
        ["labeller_id", "created_at", *condition],
        **where(f"{active} AND verdict <> 'skip' AND import_id IS NULL"),
    )
    op.create_index(
        "ix_preferences_seconds",
        "preferences",
        ["labeller_id", "seconds", "withdrawn_at", "superseded_by"],
        **where(f"{active} AND seconds IS NOT NULL"),
    )
