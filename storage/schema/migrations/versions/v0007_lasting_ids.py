"""Ids that never come again, what is in an adapter's folder, one claim a pair, pairs by round."""

import sqlalchemy as sa
from alembic import op

# ruff: noqa: S608 - the statements are made of names and conditions in this file

revision = "0007"
down_revision = "0006"

Edit = tuple[str, str]
REFERRED_TO = ("prompts", "completions", "pairs", "preferences")
# Whether a run trained all weights stands in its options: there is no "lora" then.
HOLDS = (
    "(SELECT CASE WHEN kind = 'reward' THEN 'reward_model' "
    "WHEN json_type(options, '$.lora') = 'null' THEN 'full_model' ELSE 'adapter' END "
    "FROM runs WHERE runs.id = run_id)"
)


def upgrade() -> None:
    """Declare eight tables anew, with all that they hold."""
    for table in REFERRED_TO:
        _rebuild(table, [
            ("\n\tid INTEGER NOT NULL, ", "\n\tid INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "),
            (f"\n\tCONSTRAINT pk_{table} PRIMARY KEY (id), ", ""),
        ])  # fmt: skip
    # An index finds new rows by their ids alone now: it need not go back when the last ones go.
    for table in ("prompts", "pairs"):
        op.execute(f"DROP TRIGGER {table}_search_again")
    _rebuild("runs", [(", 'evaluate'", "")])  # of a kind that never was
    _rebuild_imports()
    _rebuild_adapters()
    op.drop_index("ix_claims_open", "claims")
    _rebuild("claims", [
        ("\n\tslot INTEGER NOT NULL, ", ""),
        ("uq_claims_pair_id_slot UNIQUE (pair_id, slot)", "uq_claims_pair_id UNIQUE (pair_id)"),
    ])  # fmt: skip
    is_open = sa.text("preference_id IS NULL")
    op.create_index("ix_claims_open", "claims", ["pair_id", "preference_id"], sqlite_where=is_open)
    later = sa.text("round > 0")
    op.create_index("ix_pairs_round", "pairs", ["round"], sqlite_where=later)


def _rebuild_imports() -> None:
    """An import was once said to be taken back; now it is rolled back."""
    words = [("taking_back", "rolling_back"), ("taken_back", "rolled_back")]
    edits = [(f"'{old}'", f"'{new}'") for old, new in [*words, ("take_back", "roll_back")]]
    _rebuild("imports", edits, {
        "status": "replace(replace(status, 'taking', 'rolling'), 'taken', 'rolled')",
        "stop": "replace(stop, 'take', 'roll')",
    })  # fmt: skip


def _rebuild_adapters() -> None:
    column = "\n\tholds VARCHAR(16) NOT NULL, "
    allowed = "'adapter', 'full_model', 'reward_model'"
    check = f"\n\tCONSTRAINT ck_adapters_holds CHECK (holds IN ({allowed})), "
    first, last = "\n\tbase_model ", "\n\tCONSTRAINT uq_adapters_folder "
    _rebuild("adapters", [(first, column + first), (last, check + last)], {"holds": HOLDS})


def _rebuild(table: str, edits: list[Edit], values: dict[str, str] | None = None) -> None:
    """Give a table another declaration, and its rows, indexes and triggers to the new one.

    The steps are SQLite's own (lang_altertable.html, section 7); foreign keys are off meanwhile.

    Args:
        table: its name.
        edits: texts of the declaration, each there once, and what comes in their place.
        values: by column, the SQL of a value that is not just copied.
    """
    run = op.get_bind().exec_driver_sql
    query = "SELECT type, sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL"
    known = run(query, (table,)).all()
    [declared] = [sql for kind, sql in known if kind == "table"]
    for old, new in [(f"CREATE TABLE {table} ", f"CREATE TABLE new_{table} "), *edits]:
        if declared.count(old) != 1:
            raise RuntimeError(f"the table {table} is not declared as it was: {old!r} is missing")
        declared = declared.replace(old, new)
    run(declared)
    columns = [row[1] for row in run(f"PRAGMA table_info(new_{table})")]
    given = ", ".join((values or {}).get(name, f'"{name}"') for name in columns)
    run(f"INSERT INTO new_{table} SELECT {given} FROM {table}")
    run(f"DROP TABLE {table}")
    run(f"ALTER TABLE new_{table} RENAME TO {table}")
    for kind, sql in known:
        if kind != "table":
            run(sql)
