"""What a row of a file turns into, and the checks that all formats share.

A reason for dropping a row is the end of a sentence: "3 rows without a common prompt".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.data.conversations import Message, prompt_problem, text_problem
from storage.enums import Verdict

EQUAL = "equal"
EMPTY_SIDE = "with an empty side"
NO_COMMON_PROMPT = "without a common prompt"
NO_PROMPT = "without a prompt"
NOT_TEXT = "with content that is not text"
SEVERAL_TURNS = "with answers of several turns"
UNKNOWN_WINNER = "with an unknown winner"
FEW_ANSWERS = "with fewer than two rated answers"
UNKNOWN_RATING = "with a rating that is not a number"


@dataclass(frozen=True)
class Judgement:
    """One annotator's verdict on a pair, as the file gives it."""

    verdict: Verdict
    strength: float | None = None
    """How much better the better answer is, in the file's own unit; None if it does not say."""
    rationale: str | None = None
    annotator: str | None = None
    """The file's name for who judged; None: the file does not say."""


@dataclass(frozen=True)
class ImportedPrompt:
    """A row that is a prompt alone."""

    messages: list[Message]
    metadata: dict[str, Any] = field(default_factory=dict)
    """The row's columns that its format does not use."""


@dataclass(frozen=True)
class ImportedPair:
    """A row with two answers; without a verdict it waits for labelling."""

    messages: list[Message]
    text_a: str
    text_b: str
    verdict: Verdict | None
    """The file's verdict as a whole."""
    strength: float | None = None
    rationale: str | None = None
    model_a: str | None = None
    model_b: str | None = None
    annotations: tuple[Judgement, ...] = ()
    """Verdicts of single annotators, each with a name; the whole's verdict sums these up."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """The row's columns that its format does not use."""

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """The verdicts to store: the single annotators' if there are any, else the file's."""
        if self.annotations or self.verdict is None:
            return self.annotations
        return (Judgement(self.verdict, self.strength, self.rationale),)


@dataclass(frozen=True)
class Answer:
    """One of several rated answers."""

    text: str
    score: float | None
    """Higher is better; None: not rated."""
    model: str | None = None


@dataclass(frozen=True)
class ImportedRanking:
    """A row with several rated answers to one prompt."""

    messages: list[Message]
    answers: list[Answer]


@dataclass(frozen=True)
class ImportedAnswer:
    """A row with one rated answer; it makes pairs with other rows of the same prompt."""

    messages: list[Message]
    answer: Answer
    is_label: bool = False
    """The score is only good (1) or bad (0): two of the same say nothing about each other."""


@dataclass(frozen=True)
class ImportedTurn:
    """A row with a pair that goes on from the pair of another row."""

    id: str
    parent: str
    """Id of the row before; empty: none."""
    pair: ImportedPair


@dataclass(frozen=True)
class ImportedMessage:
    """A row with one message of a tree."""

    id: str
    parent: str
    """Id of the message that it replies to; empty: none."""
    node: dict[str, Any]
    """Role, text and rank."""


@dataclass(frozen=True)
class Dropped:
    """A row that cannot be used, and why."""

    reason: str


Parsed = (
    ImportedPrompt
    | ImportedPair
    | ImportedRanking
    | ImportedAnswer
    | ImportedTurn
    | ImportedMessage
    | Dropped
    | list[ImportedPair | ImportedRanking | Dropped]
)


def checked_prompt(messages: list[Message] | None) -> ImportedPrompt | Dropped:
    """Return the prompt, or why it cannot be one (None: its content is not text)."""
    if messages is None:
        return Dropped(NOT_TEXT)
    problem = prompt_problem(messages)
    return Dropped(problem) if problem else ImportedPrompt(messages)


def checked_pair(
    messages: list[Message] | None, text_a: str | None, text_b: str | None, **more: Any
) -> ImportedPair | Dropped:
    """Return the pair, or why its row cannot be used (None: a content is not text).

    `more` are further fields of ImportedPair; `verdict` has to be among them.
    """
    prompt = checked_prompt(messages)
    if isinstance(prompt, Dropped):
        return prompt
    if text_a is None or text_b is None:
        return Dropped(NOT_TEXT)
    if not text_a.strip() or not text_b.strip():
        return Dropped(EMPTY_SIDE)
    if text_a == text_b:
        return Dropped(EQUAL)
    if problem := text_problem(text_a) or text_problem(text_b):
        return Dropped(problem)
    return ImportedPair(prompt.messages, text_a, text_b, **more)


def checked_ranking(
    messages: list[Message] | None, answers: Sequence[Answer | None]
) -> ImportedRanking | Dropped:
    """Return the ranking, or why its row cannot be used (None: an answer is not text)."""
    prompt = checked_prompt(messages)
    if isinstance(prompt, Dropped):
        return prompt
    texts = [answer for answer in answers if answer is not None]
    if len(texts) < len(answers):
        return Dropped(NOT_TEXT)
    if len(texts) < 2:
        return Dropped(FEW_ANSWERS)
    return ImportedRanking(prompt.messages, texts)


def checked_answer(
    messages: list[Message] | None, text: Any, score: float | None, *, is_label: bool = False
) -> ImportedAnswer | Dropped:
    """Return the rated answer, or why its row cannot be used."""
    prompt = checked_prompt(messages)
    if isinstance(prompt, Dropped):
        return prompt
    if not isinstance(text, str):
        return Dropped(NOT_TEXT)
    if not text.strip():
        return Dropped(EMPTY_SIDE)
    if problem := text_problem(text):
        return Dropped(problem)
    if score is None:
        return Dropped(UNKNOWN_RATING)
    return ImportedAnswer(prompt.messages, Answer(text, score), is_label=is_label)


def name_of(value: Any) -> str:
    """Return an id as a text; what is missing is empty, and 7.0 is 7 as a table may write it."""
    return "" if value is None else str(value).strip().removesuffix(".0")


def text_of(row: Mapping[str, Any], key: str) -> str | None:
    """Return a column's text, or None if it is missing, empty or something else."""
    value = row.get(key)
    return value if isinstance(value, str) and value.strip() else None
