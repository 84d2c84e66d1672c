"""The tables. Times are UTC; JSON columns hold plain JSON values; constraints have names.

A row says what is; when and by whom it may change is said in the modules of the queries.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from storage.clock import utc_now
from storage.data.conversations import Message
from storage.enums import (
    CompletionOrigin,
    Holds,
    ImportStatus,
    ImportStop,
    LabellerKind,
    PairOrigin,
    Role,
    RunKind,
    RunStatus,
    Searched,
    Side,
    Split,
    TallyKind,
    Verdict,
)
from storage.schema.column_types import UtcDateTime, one_of

# That a deleted row's id never comes again: people, pages and scripts may know it.
NEVER_AGAIN = {"sqlite_autoincrement": True}


class Table(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UtcDateTime(),
        Split: one_of(Split, "split"),
        CompletionOrigin: one_of(CompletionOrigin, "origin"),
        PairOrigin: one_of(PairOrigin, "origin"),
        LabellerKind: one_of(LabellerKind, "kind"),
        Verdict: one_of(Verdict, "verdict"),
        Side: one_of(Side, "side"),
        RunKind: one_of(RunKind, "kind"),
        RunStatus: one_of(RunStatus, "status"),
        Holds: one_of(Holds, "holds"),
        Role: one_of(Role, "role"),
        ImportStatus: one_of(ImportStatus, "status"),
        ImportStop: one_of(ImportStop, "stop"),
        Searched: one_of(Searched, "kind"),
        TallyKind: one_of(TallyKind, "kind"),
        list[str]: JSON(),
        list[Message]: JSON(),
        dict[str, Any]: JSON(none_as_null=True),
    }


class User(Table):
    """A person who may log in."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    role: Mapped[Role]
    password_hash: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class LoginSession(Table):
    """A login that lasts until it expires; only a hash of its token is kept."""

    __tablename__ = "sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]


class Import(Table):
    """One file that is brought in batch by batch; what it stores is marked with its id."""

    __tablename__ = "imports"
    __table_args__ = NEVER_AGAIN

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(200))
    status: Mapped[ImportStatus] = mapped_column(index=True)
    stop: Mapped[ImportStop | None]  # what was asked for while it ran
    share: Mapped[float] = mapped_column(default=0.0)  # of the file that was read, 0 to 1
    report: Mapped[dict[str, Any] | None]
    error: Mapped[str | None] = mapped_column(Text)
    started_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]


LATER_ROUND = "round > 0"


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows that meet a condition."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _import_index(table: str) -> Index:
    """An index for rolling an import back; what was not imported is not in it."""
    return _partial(f"ix_{table}_import_id", "import_id", where="import_id IS NOT NULL")


class Prompt(Table):
    """A conversation that ends with the user; its split never changes."""

    __tablename__ = "prompts"
    __table_args__ = (
        _import_index("prompts"),
        _partial("ix_prompts_tags", "tags", where="tags <> '[]'"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    messages: Mapped[list[Message]]
    text: Mapped[str] = mapped_column(Text)  # the last user turn, for lists and search
    content_hash: Mapped[str] = mapped_column(String(64), unique=True)
    source: Mapped[str] = mapped_column(String(200), index=True)
    tags: Mapped[list[str]] = mapped_column(default=list)
    split: Mapped[Split]
    details: Mapped[dict[str, Any] | None]  # columns of the imported row that no format reads
    import_id: Mapped[int | None]  # the import that has stored it
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Completion(Table):
    """One answer to a prompt, and how it came about."""

    __tablename__ = "completions"
    __table_args__ = NEVER_AGAIN

    id: Mapped[int] = mapped_column(primary_key=True)
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    origin: Mapped[CompletionOrigin]
    model: Mapped[str | None] = mapped_column(Text)
    adapter: Mapped[str | None] = mapped_column(Text)
    sampling: Mapped[dict[str, Any] | None]
    seed: Mapped[int | None]
    num_tokens: Mapped[int | None]
    finish_reason: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Run(Table):
    """A background job; its folder holds what the worker needs and makes."""

    __tablename__ = "runs"
    __table_args__ = (Index(None, "kind", "status"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[RunKind]
    recipe: Mapped[str] = mapped_column(String(32))
    status: Mapped[RunStatus]
    base_model: Mapped[str] = mapped_column(Text)
    adapter: Mapped[str | None] = mapped_column(Text)  # relative to the data folder
    options: Mapped[dict[str, Any]]
    snapshot: Mapped[str | None] = mapped_column(String(80))
    folder: Mapped[str] = mapped_column(String(64), unique=True)  # a name under runs/
    after_run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    round: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    events_offset: Mapped[int] = mapped_column(default=0)  # bytes of events.jsonl taken in
    progress: Mapped[dict[str, Any] | None]
    summary: Mapped[dict[str, Any] | None]
    started_by: Mapped[str | None] = mapped_column(String(100))


class Preset(Table):
    """Training options that a person keeps under a name."""

    __tablename__ = "presets"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    options: Mapped[dict[str, Any]]  # all of them, as in run.json
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Metric(Table):
    """One named number of a run at one step; a value that is not finite is NULL."""

    __tablename__ = "metrics"
    __table_args__ = (UniqueConstraint("run_id", "seq", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    seq: Mapped[int]
    step: Mapped[int]
    name: Mapped[str] = mapped_column(String(100))
    value: Mapped[float | None]
    at: Mapped[datetime]


class Adapter(Table):
    """Weights that a run has made, also those of a full model."""

    __tablename__ = "adapters"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True)
    folder: Mapped[str] = mapped_column(Text, unique=True)  # relative to the data folder
    holds: Mapped[Holds]
    base_model: Mapped[str] = mapped_column(Text)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id"))
    manifest_hash: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Pair(Table):
    """Two completions of one prompt; in a comparison a is the base's answer, b the tuned one's."""

    __tablename__ = "pairs"
    __table_args__ = (
        CheckConstraint("completion_a <> completion_b", name="two_completions"),
        # A completion can only be deleted quickly where its pairs are found quickly.
        Index(None, "completion_a"),
        Index(None, "completion_b"),
        _import_index("pairs"),
        _partial("ix_pairs_run_id", "run_id", where="run_id IS NOT NULL"),
        _partial("ix_pairs_comparison", "adapter_id", where="origin = 'comparison'"),
        _partial("ix_pairs_round", "round", where=LATER_ROUND),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"), index=True)
    completion_a: Mapped[int] = mapped_column(ForeignKey("completions.id"))
    completion_b: Mapped[int] = mapped_column(ForeignKey("completions.id"))
    origin: Mapped[PairOrigin]
    round: Mapped[int] = mapped_column(default=0)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    adapter_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id"))
    import_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    details: Mapped[dict[str, Any] | None]  # columns of the imported row that no format reads
    import_id: Mapped[int | None]  # the import that has stored it
    # Only of a comparison: who asked for it, and which completion they were shown left.
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("labellers.id"))
    shown_left: Mapped[Side | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Labeller(Table):
    """Whoever judges: a person, a model, or the unknown people behind an imported file."""

    __tablename__ = "labellers"
    __table_args__ = (UniqueConstraint("kind", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[LabellerKind]
    name: Mapped[str] = mapped_column(String(200))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), unique=True)
    configuration: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


_ACTIVE = "withdrawn_at IS NULL AND superseded_by IS NULL"
_DECIDED = f"{_ACTIVE} AND verdict <> 'skip'"
UNDECISIVE = "verdict IN ('tie', 'both_bad', 'skip')"
_SKIPPED = f"{_ACTIVE} AND verdict = 'skip'"
_SUPERSEDED = "superseded_by IS NOT NULL"
# Part of the indexes for counting, so that a count need not look at the table.
_CONDITION = ("verdict", "withdrawn_at", "superseded_by")


class Preference(Table):
    """One labeller's verdict on one pair; active while neither withdrawn nor superseded."""

    __tablename__ = "preferences"
    __table_args__ = (
        _partial("uq_preferences_active", "labeller_id", "pair_id", where=_ACTIVE, unique=True),
        _partial("ix_preferences_decided", "pair_id", *_CONDITION, where=_DECIDED),
        Index(None, "pair_id", "labeller_id"),
        _import_index("preferences"),
        _partial("ix_preferences_superseded_by", "superseded_by", where=_SUPERSEDED),
        Index(None, "labeller_id", "id"),
        _partial("ix_preferences_withdrawn", "withdrawn_at", where="withdrawn_at IS NOT NULL"),
        _partial("ix_preferences_undecisive", "verdict", where=UNDECISIVE),
        _partial(
            "ix_preferences_labeller_day",
            "labeller_id",
            "created_at",
            *_CONDITION,
            "import_id",
            where=f"{_DECIDED} AND import_id IS NULL",
        ),
        _partial(
            "ix_preferences_seconds",
            "labeller_id",
            "seconds",
            "withdrawn_at",
            "superseded_by",
            where=f"{_ACTIVE} AND seconds IS NOT NULL",
        ),
        _partial("ix_preferences_skipped", "labeller_id", "pair_id", *_CONDITION, where=_SKIPPED),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submit_id: Mapped[str] = mapped_column(String(64), unique=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("pairs.id"))
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"))
    verdict: Mapped[Verdict]
    left: Mapped[Side | None]  # which completion was shown left; None if nobody looked here
    seconds: Mapped[float | None]
    rationale: Mapped[str | None] = mapped_column(Text)
    strength: Mapped[float | None]
    import_id: Mapped[int | None]  # the import that has stored it
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    withdrawn_at: Mapped[datetime | None]
    superseded_by: Mapped[int | None] = mapped_column(ForeignKey("preferences.id"))


_OPEN = "preference_id IS NULL"
_CLOSED = "preference_id IS NOT NULL"


class Claim(Table):
    """A pair's place in the labelling queue: open, held by a labeller, or closed by a verdict."""

    __tablename__ = "claims"
    __table_args__ = (
        _partial("ix_claims_open", "pair_id", "preference_id", where=_OPEN),
        _partial("ix_claims_closed", "preference_id", where=_CLOSED),
        _partial("ix_claims_held", "labeller_id", where=f"{_OPEN} AND labeller_id IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("pairs.id"), unique=True)
    labeller_id: Mapped[int | None] = mapped_column(ForeignKey("labellers.id"))
    until: Mapped[datetime | None]
    left: Mapped[Side | None]  # drawn at random when the pair is taken
    turn: Mapped[int | None]  # the labeller sees held pairs in this order
    preference_id: Mapped[int | None] = mapped_column(ForeignKey("preferences.id"))


class Tally(Table):
    """How many rows of a kind there are; triggers keep it, in the transaction of each change."""

    __tablename__ = "tallies"
    __table_args__ = {"sqlite_with_rowid": False}

    kind: Mapped[TallyKind] = mapped_column(primary_key=True)
    number: Mapped[int]


class VerdictTally(Table):
    """How many active verdicts a labeller has given; triggers keep it like a Tally."""

    __tablename__ = "verdict_tallies"
    __table_args__ = {"sqlite_with_rowid": False}

    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"), primary_key=True)
    verdict: Mapped[Verdict] = mapped_column(primary_key=True)
    left: Mapped[str] = mapped_column(String(1), primary_key=True)  # as in preferences; "": none
    number: Mapped[int]


class SearchProgress(Table):
    """How far the search index has got through the prompts, and through the pairs."""

    __tablename__ = "search_progress"

    kind: Mapped[Searched] = mapped_column(primary_key=True)
    indexed_to: Mapped[int] = mapped_column(default=0)  # all rows up to this id are in the index
