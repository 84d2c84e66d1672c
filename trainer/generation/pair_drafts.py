"""Pairs in the making: which completions are still wanted, and which cannot be used.

Knows nothing of models: it is told what was sampled, and says what to sample next.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from trainer.options.generation import GenerationOptions

Side = Literal["a", "b"]
Problem = Literal["identical", "empty", "cut_off"]

SIDES: tuple[Side, Side] = ("a", "b")
PROBLEMS: tuple[Problem, ...] = ("identical", "empty", "cut_off")


@dataclass(frozen=True)
class Completion:
    """A sampled answer as a `pair` event tells it."""

    text: str
    seed: int
    num_tokens: int  # without the end token
    finish_reason: str  # "stop" or "length"


@dataclass
class Draft:
    """One prompt and the completions that it has so far."""

    prompt_id: int
    token_ids: list[int]
    completions: dict[Side, Completion] = field(default_factory=dict)
    num_sampled: int = 0  # completions sampled until now, with those that were refused
    problem: Problem | None = None  # why the last refused completion cannot be used
    is_given_up: bool = False  # all attempts are used up

    def wanted(self) -> list[Side]:
        """The sides still to be sampled."""
        return [side for side in SIDES if side not in self.completions]

    def is_pair(self) -> bool:
        """Whether both completions are there."""
        return len(self.completions) == len(SIDES)

    def take(self, side: Side, completion: Completion, options: GenerationOptions) -> None:
        """Keep a completion, or note why it cannot be used (its side stays wanted)."""
        self.num_sampled += 1
        text = completion.text.strip()
        if completion.finish_reason == "length" and not options.keep_cut_off:
            self.problem = "cut_off"
        elif not text:
            self.problem = "empty"
        elif any(text == other.text.strip() for other in self.completions.values()):
            self.problem = "identical"
        else:
            self.completions[side] = completion

    def fields(self) -> dict[str, Any]:
        """The fields of the `pair` event."""
        a, b = (asdict(self.completions[side]) for side in SIDES)
        return {"prompt_id": self.prompt_id, "a": a, "b": b}


@dataclass(frozen=True)
class Tally:
    """What became of the drafts so far."""

    num_pairs: int
    num_settled: int  # pairs, and drafts that were given up
    num_resampled: int  # completions sampled in the place of one that could not be used
    dropped: dict[str, int]  # drafts given up, by the last problem


def tally(drafts: Sequence[Draft]) -> Tally:
    """Count what became of the drafts."""
    problems = Counter(draft.problem for draft in drafts if draft.is_given_up)
    num_pairs = sum(draft.is_pair() for draft in drafts)
    return Tally(
        num_pairs=num_pairs,
        num_settled=num_pairs + problems.total(),
        num_resampled=sum(max(0, draft.num_sampled - len(SIDES)) for draft in drafts),
        dropped={problem: problems[problem] for problem in PROBLEMS},
    )


@dataclass(frozen=True)
class BatchLimit:
    """How much is sampled at a time."""

    num_rows: int
    num_tokens: int  # prompts and answers of all rows, which the key/value cache has to hold
    max_new_tokens: int

    def allows(self, drafts: Sequence[Draft]) -> bool:
        """Whether these drafts fit; every row takes as much room as the longest."""
        num_rows = sum(len(draft.wanted()) for draft in drafts)
        longest = max(len(draft.token_ids) for draft in drafts) + self.max_new_tokens
        return num_rows <= self.num_rows and num_rows * longest <= self.num_tokens


def batches(drafts: Sequence[Draft], limit: BatchLimit) -> Iterator[list[Draft]]:
    """Drafts in batches, sorted by the length of the prompt so that little is padded.

    A draft that is over the limit by itself makes a batch of its own.
    """
    batch: list[Draft] = []
    for draft in sorted(drafts, key=lambda draft: (len(draft.token_ids), draft.prompt_id)):
        if batch and not limit.allows([*batch, draft]):
            yield batch
            batch = []
        batch.append(draft)
    if batch:
        yield batch


def completion_seed(seed: int, prompt_id: int, attempt: int, side: Side) -> int:
    """The seed of one completion, 63 bits: the same in whatever order the run goes."""
    digest = hashlib.sha256(f"{seed}/{prompt_id}/{attempt}/{side}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
