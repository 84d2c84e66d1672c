"""The closed sets of values that tables use."""

from enum import StrEnum


class Split(StrEnum):
    """Whether a prompt may train or only measure."""

    TRAIN = "train"
    HELDOUT = "heldout"


class CompletionOrigin(StrEnum):
    """Where an answer's text comes from."""

    GENERATED = "generated"
    IMPORTED = "imported"
    EDITED = "edited"


class PairOrigin(StrEnum):
    """How two answers came to stand beside each other."""

    GENERATED = "generated"
    IMPORTED = "imported"
    COMPARISON = "comparison"


class LabellerKind(StrEnum):
    """Who judges."""

    HUMAN = "human"
    REWARD_MODEL = "reward_model"
    LLM_JUDGE = "llm_judge"
    IMPORTED = "imported"


class Verdict(StrEnum):
    """One labeller's decision on one pair."""

    A = "a"
    B = "b"
    TIE = "tie"
    BOTH_BAD = "both_bad"
    SKIP = "skip"


class Side(StrEnum):
    """One of the two completions of a pair."""

    A = "a"
    B = "b"

    @property
    def other(self) -> "Side":
        """The completion that stands on the opposite side."""
        return Side.B if self is Side.A else Side.A


class RunKind(StrEnum):
    """What a background job does; `trainer.runs.kinds` says what carries each out."""

    GENERATE = "generate"
    LABEL = "label"
    SFT = "sft"
    REWARD = "reward"
    DPO = "dpo"
    EXPORT = "export"

    @property
    def trains(self) -> bool:
        """Whether it changes weights."""
        return self in (RunKind.SFT, RunKind.REWARD, RunKind.DPO)


class RunStatus(StrEnum):
    """Where a background job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        """Whether nothing more can come from the job."""
        return self in (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.CANCELLED)


class Holds(StrEnum):
    """What is in an adapter's folder."""

    ADAPTER = "adapter"
    """LoRA weights, which answer on top of their base model."""
    FULL_MODEL = "full_model"
    """A model of which all weights were trained."""
    REWARD_MODEL = "reward_model"
    """LoRA weights and a head that score answers and give none."""


class ImportStatus(StrEnum):
    """Where the import of a file stands."""

    RUNNING = "running"
    ROLLING_BACK = "rolling_back"
    FINISHED = "finished"
    KEPT = "kept"
    ROLLED_BACK = "rolled_back"

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it changes any more."""
        return self in (ImportStatus.FINISHED, ImportStatus.KEPT, ImportStatus.ROLLED_BACK)


class ImportStop(StrEnum):
    """What becomes of the stored part of an import that is cancelled."""

    KEEP = "keep"
    ROLL_BACK = "roll_back"


class Role(StrEnum):
    """What a user may do."""

    ANNOTATOR = "annotator"
    ADMIN = "admin"


class Searched(StrEnum):
    """What texts can be searched; the values are the names of the tables."""

    PROMPTS = "prompts"
    PAIRS = "pairs"


class BrowseKind(StrEnum):
    """What a person looks through."""

    PROMPTS = "prompts"
    PAIRS = "pairs"
    VERDICTS = "verdicts"


class TallyKind(StrEnum):
    """What is counted as it changes."""

    PROMPTS = "prompts"
    PAIRS = "pairs"
    VERDICTS = "verdicts"
    """All that are stored, also those that no longer count."""
    LABELLED = "labelled"
    """Pairs with an active verdict other than skip."""
    OPEN = "open"
    """Pairs that wait for a verdict."""
