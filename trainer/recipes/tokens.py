"""Preference rows as token ids, and which of them are too long.

Tokenises the way TRL does, but safe against control tokens typed in a message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.errors import TrainerError
from trainer.models.chat_template import encode_conversation


@dataclass(frozen=True)
class PairTokens:
    """One preference: the ids of its prompt, and of each answer after that prompt."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]

    def num_tokens(self) -> int:
        """Tokens of the prompt with the longer answer."""
        return len(self.prompt_ids) + max(len(self.chosen_ids), len(self.rejected_ids))

    def within(self, max_length: int) -> "PairTokens":
        """The pair cut as TRL cuts it: answers lose what does not fit."""
        room = max(0, max_length - len(self.prompt_ids))
        return PairTokens(self.prompt_ids, self.chosen_ids[:room], self.rejected_ids[:room])


@dataclass(frozen=True)
class Fit:
    """How many rows `max_length` spoils."""

    num_cut: int  # the longer answer loses its end
    num_dropped: int  # the prompt alone fills the length, so nothing is left to learn

    def warning(self, max_length: int, name: str) -> str | None:
        """A sentence for a person, or None when every row fits."""
        parts = []
        if self.num_cut:
            parts.append(f"{self.num_cut} are cut at their end")
        if self.num_dropped:
            parts.append(f"{self.num_dropped} are left out, as the prompt alone is too long")
        if not parts:
            return None
        return (
            f"{name} longer than max_length ({max_length} tokens): {' and '.join(parts)}. "
            "A larger max_length keeps them whole and needs more memory."
        )


def tokenise(tokenizer: Any, rows: Sequence[Mapping[str, Any]], name: str) -> list[PairTokens]:
    """Token ids of conversational preference rows; `name` is their file, for errors.

    As in TRL, an answer starts where prompt and prompt + answer part, in either of its rows.
    """
    pairs = []
    for number, row in enumerate(rows, start=1):
        try:
            prompt, chosen, rejected = row["prompt"], row["chosen"], row["rejected"]
            pairs.append(_tokenise(tokenizer, list(prompt), list(chosen), list(rejected)))
        except (KeyError, TypeError) as error:
            raise TrainerError(
                f"{name}, line {number} is no preference with prompt, chosen and rejected "
                f"messages ({type(error).__name__}: {error})."
            ) from error
    return pairs


def prompt_stays(tokenizer: Any, row: Mapping[str, Any]) -> bool:
    """Whether the template writes the row's prompt the same way with and without its answer."""
    prompt, answer = list(row["prompt"]), list(row["chosen"])
    prompt_ids = encode_conversation(tokenizer, prompt, add_generation_prompt=True)
    ids = encode_conversation(tokenizer, prompt + answer, add_generation_prompt=False)
    return ids[: len(prompt_ids)] == prompt_ids


def cut(pairs: Sequence[PairTokens], max_length: int) -> tuple[list[PairTokens], Fit]:
    """The pairs with something left to learn, within `max_length`, and what that spoils."""
    kept = [pair for pair in pairs if len(pair.prompt_ids) < max_length]
    num_cut = sum(pair.num_tokens() > max_length for pair in kept)
    fit = Fit(num_cut, len(pairs) - len(kept))
    return [pair.within(max_length) for pair in kept], fit


def _tokenise(tokenizer: Any, prompt: list[Any], chosen: list[Any], rejected: list[Any]) -> Any:
    prompt_ids = encode_conversation(tokenizer, prompt, add_generation_prompt=True)
    full = [
        encode_conversation(tokenizer, prompt + answer, add_generation_prompt=False)
        for answer in (chosen, rejected)
    ]
    start = min(_num_common(prompt_ids, ids) for ids in full)
    return PairTokens(prompt_ids[:start], full[0][start:], full[1][start:])


def _num_common(left: Sequence[int], right: Sequence[int]) -> int:
    """How many tokens two sequences have in common from their start."""
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return min(len(left), len(right))
