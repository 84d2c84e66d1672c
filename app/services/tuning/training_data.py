"""What the pre-flight knows of the labelled pairs, counted once for each state of the data."""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.services.tuning.label_warnings import label_warnings
from storage.training import snapshots
from storage.training.snapshots import Snapshot, SnapshotCounts
from trainer.errors import TrainerError
from trainer.models.light_tokenizer import LightTokenizer
from trainer.recipes.tokens import PairTokens, prompt_stays, tokenise

logger = logging.getLogger(__name__)

Row = dict[str, Any]
SAMPLE_PAIRS = 1000  # looked at token by token: one to two seconds


@dataclass(frozen=True)
class DataSummary:
    """The counts and flaws of one snapshot, without its texts but for a sample."""

    counts: SnapshotCounts
    warnings: list[str]
    num_longer_chosen: int
    """Training pairs whose chosen answer has more characters."""
    longest_characters: int
    """Of the prompt with the longer answer; 0 without training pairs."""
    sample: list[Row]
    """At most SAMPLE_PAIRS training rows: the first in the order of their digests, so random."""


def summarise(snapshot: Snapshot) -> DataSummary:
    """Count what the pre-flight tells of a snapshot."""
    lengths = [
        tuple(_num_characters(row, key) for key in ("prompt", "chosen", "rejected"))
        for row in snapshot.train
    ]
    return DataSummary(
        counts=snapshot.counts,
        warnings=label_warnings(snapshot.train),
        num_longer_chosen=sum(chosen > rejected for _, chosen, rejected in lengths),
        longest_characters=max((prompt + max(answers) for prompt, *answers in lengths), default=0),
        sample=snapshot.train[:SAMPLE_PAIRS],
    )


@dataclass(frozen=True)
class TokenisedSample:
    """The sampled pairs as one model reads them."""

    pairs: list[PairTokens]
    prompt_stays: bool
    """Whether the template writes a prompt the same way with and without its answer."""
    problem: str | None = None
    """Why the model's template cannot write these conversations."""


def tokenise_sample(rows: list[Row], model_folder: Path) -> TokenisedSample | None:
    """The rows as the model of that folder reads them; None where its files cannot be read."""
    try:
        tokenizer = LightTokenizer(model_folder)
    except Exception:  # tokenizers raises bare Exception
        logger.warning(
            "Pairs are not counted in tokens: no tokenizer in %s.", model_folder, exc_info=True
        )
        return None
    try:
        pairs = tokenise(tokenizer, rows, "the training data")
        return TokenisedSample(pairs, all(prompt_stays(tokenizer, row) for row in rows[:1]))
    except TrainerError as error:
        return TokenisedSample([], True, f"{error} Choose another model.")


class TrainingData:
    """The summary of the newest data; a form asks for it at each change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version: tuple[int, ...] | None = None
        self._summary: DataSummary | None = None
        self._samples: dict[Path, TokenisedSample | None] = {}

    def summary(self, session: Session) -> DataSummary:
        """The summary of what the session sees; counted anew only when the data has changed."""
        version = snapshots.data_version(session)
        with self._lock:
            if self._summary is None or self._version != version:
                self._summary = summarise(snapshots.freeze(session))
                self._version = version
                self._samples = {}
            return self._summary

    def tokenised(self, data: DataSummary, model_folder: Path) -> TokenisedSample | None:
        """The sample of a summary as a model reads it; None where its files cannot be read."""
        with self._lock:
            if data is not self._summary:
                return tokenise_sample(data.sample, model_folder)
            if model_folder not in self._samples:
                self._samples[model_folder] = tokenise_sample(data.sample, model_folder)
            return self._samples[model_folder]


def _num_characters(row: Row, key: str) -> int:
    return sum(len(message["content"]) for message in row[key])
