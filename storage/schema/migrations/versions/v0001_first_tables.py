"""The first schema."""

import sqlalchemy as sa
from alembic import op

from storage.schema.migrations.columns import one_of, where

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    _create_prompts()
    _create_runs()
    _create_users()
    _create_adapters()
    _create_completions()
    _create_labellers()
    _create_metrics()
    _create_sessions()
    _create_pairs()
    _create_preferences()
    _create_claims()


def _create_prompts() -> None:
    op.create_table(
        "prompts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("messages", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("split", one_of("split", "train", "heldout"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompts")),
        sa.UniqueConstraint("content_hash", name=op.f("uq_prompts_content_hash")),
    )
    op.create_index(op.f("ix_prompts_split"), "prompts", ["split"])


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            one_of("kind", "generate", "label", "sft", "reward", "dpo", "evaluate", "export"),
            nullable=False,
        ),
        sa.Column("recipe", sa.String(length=32), nullable=False),
        sa.Column(
            "status",
            one_of("status", "queued", "running", "finished", "failed", "cancelled"),
            nullable=False,
        ),
        sa.Column("base_model", sa.Text(), nullable=False),
        sa.Column("adapter", sa.Text(), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("snapshot", sa.String(length=80), nullable=True),
        sa.Column("folder", sa.String(length=64), nullable=False),
        sa.Column("after_run_id", sa.Integer(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("events_offset", sa.Integer(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=True),
        sa.Column("summary", sa.JSON(), nullable=True),
        sa.Column("started_by", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(["after_run_id"], ["runs.id"], name=op.f("fk_runs_after_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("folder", name=op.f("uq_runs_folder")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_runs_kind_status"), "runs", ["kind", "status"])


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", one_of("role", "annotator", "admin"), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
    )


def _create_adapters() -> None:
    op.create_table(
        "adapters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("base_model", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("manifest_hash", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["adapters.id"], name=op.f("fk_adapters_parent_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_adapters_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adapters")),
        sa.UniqueConstraint("folder", name=op.f("uq_adapters_folder")),
    )
    op.create_index(op.f("ix_adapters_run_id"), "adapters", ["run_id"])


def _create_completions() -> None:
    op.create_table(
        "completions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prompt_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("origin", one_of("origin", "generated", "imported", "edited"), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("adapter", sa.Text(), nullable=True),
        sa.Column("sampling", sa.JSON(), nullable=True),
        sa.Column("seed", sa.Integer(), nullable=True),
        sa.Column("num_tokens", sa.Integer(), nullable=True),
        sa.Column("finish_reason", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["prompt_id"], ["prompts.id"], name=op.f("fk_completions_prompt_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completions")),
    )
    op.create_index(op.f("ix_completions_prompt_id"), "completions", ["prompt_id"])


def _create_labellers() -> None:
    op.create_table(
        "labellers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            one_of("kind", "human", "reward_model", "llm_judge", "imported"),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("configuration", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_labellers_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labellers")),
        sa.UniqueConstraint("kind", "name", name=op.f("uq_labellers_kind_name")),
        sa.UniqueConstraint("user_id", name=op.f("uq_labellers_user_id")),
    )


def _create_metrics() -> None:
    op.create_table(
        "metrics",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_metrics_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metrics")),
        sa.UniqueConstraint("run_id", "seq", "name", name=op.f("uq_metrics_run_id_seq_name")),
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"])


def _create_pairs() -> None:
    op.create_table(
        "pairs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prompt_id", sa.Integer(), nullable=False),
        sa.Column("completion_a", sa.Integer(), nullable=False),
        sa.Column("completion_b", sa.Integer(), nullable=False),
        sa.Column(
            "origin", one_of("origin", "generated", "imported", "comparison"), nullable=False
        ),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("adapter_id", sa.Integer(), nullable=True),
        sa.Column("import_hash", sa.String(length=64), nullable=True),
        sa.Column("asked_by", sa.Integer(), nullable=True),
        sa.Column("shown_left", one_of("side", "a", "b"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("completion_a <> completion_b", name=op.f("ck_pairs_two_completions")),
        sa.ForeignKeyConstraint(["adapter_id"], ["adapters.id"], name=op.f("fk_pairs_adapter_id")),
        sa.ForeignKeyConstraint(["asked_by"], ["labellers.id"], name=op.f("fk_pairs_asked_by")),
        sa.ForeignKeyConstraint(
            ["completion_a"], ["completions.id"], name=op.f("fk_pairs_completion_a")
        ),
        sa.ForeignKeyConstraint(
            ["completion_b"], ["completions.id"], name=op.f("fk_pairs_completion_b")
        ),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], name=op.f("fk_pairs_prompt_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_pairs_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairs")),
        sa.UniqueConstraint("import_hash", name=op.f("uq_pairs_import_hash")),
    )
    op.create_index(
        "ix_pairs_comparison",
        "pairs",
        ["adapter_id"],
        **where("origin = 'comparison'"),
    )
    op.create_index(op.f("ix_pairs_prompt_id"), "pairs", ["prompt_id"])
    op.create_index(op.f("ix_pairs_run_id"), "pairs", ["run_id"])


def _create_preferences() -> None:
    op.create_table(
        "preferences",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submit_id", sa.String(length=64), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("labeller_id", sa.Integer(), nullable=False),
        sa.Column(
            "verdict", one_of("verdict", "a", "b", "tie", "both_bad", "skip"), nullable=False
        ),
        sa.Column("left", one_of("side", "a", "b"), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("rationale", sa.Text(), nullable=True),
        sa.Column("strength", sa.Double(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["labeller_id"], ["labellers.id"], name=op.f("fk_preferences_labeller_id")
        ),
        sa.ForeignKeyConstraint(["pair_id"], ["pairs.id"], name=op.f("fk_preferences_pair_id")),
        sa.ForeignKeyConstraint(
            ["superseded_by"], ["preferences.id"], name=op.f("fk_preferences_superseded_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preferences")),
        sa.UniqueConstraint("submit_id", name=op.f("uq_preferences_submit_id")),
    )
    _index_preferences()


def _index_preferences() -> None:
    active = "withdrawn_at IS NULL AND superseded_by IS NULL"
    # Columns of the condition are in the index too, so that a count need not look at the table.
    condition = ["verdict", "withdrawn_at", "superseded_by"]
    op.create_index(
        "ix_preferences_decided",
        "preferences",
        ["pair_id", *condition],
        **where(f"{active} AND verdict <> 'skip'"),
    )
    op.create_index(
        "ix_preferences_labeller_day",
        "preferences",
        ["labeller_id", "created_at", *condition],
        **where(f"{active} AND verdict <> 'skip'"),
    )
    op.create_index(
        "ix_preferences_skipped",
        "preferences",
        ["labeller_id", "pair_id", *condition],
        **where(f"{active} AND verdict = 'skip'"),
    )
    op.create_index(
        "uq_preferences_active",
        "preferences",
        ["labeller_id", "pair_id"],
        unique=True,
        **where(active),
    )
    op.create_index(op.f("ix_preferences_labeller_id_id"), "preferences", ["labeller_id", "id"])
    op.create_index(
        op.f("ix_preferences_pair_id_labeller_id"), "preferences", ["pair_id", "labeller_id"]
    )


def _create_claims() -> None:
    op.create_table(
        "claims",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("labeller_id", sa.Integer(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left", one_of("side", "a", "b"), nullable=True),
        sa.Column("turn", sa.Integer(), nullable=True),
        sa.Column("preference_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["labeller_id"], ["labellers.id"], name=op.f("fk_claims_labeller_id")
        ),
        sa.ForeignKeyConstraint(["pair_id"], ["pairs.id"], name=op.f("fk_claims_pair_id")),
        sa.ForeignKeyConstraint(
            ["preference_id"], ["preferences.id"], name=op.f("fk_claims_preference_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
        sa.UniqueConstraint("pair_id", "slot", name=op.f("uq_claims_pair_id_slot")),
    )
    op.create_index(
        "ix_claims_held",
        "claims",
        ["labeller_id"],
        **where("preference_id IS NULL AND labeller_id IS NOT NULL"),
    )
    op.create_index(
        "ix_claims_open",
        "claims",
        ["pair_id", "slot", "preference_id"],
        **where("preference_id IS NULL"),
    )
