"""Fills drafts of pairs with completions of a model. Knows nothing of files and events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.generation.pair_drafts import (
    BatchLimit,
    Completion,
    Draft,
    Side,
    batches,
    completion_seed,
)
from trainer.generation.sampling import Batch, NewToken, sample, stop_tokens
from trainer.options.generation import GenerateOptions

# Keys and values of one batch; long prompts lower the number of rows instead of filling memory.
CACHE_BYTES = 4 * 2**30


@dataclass(frozen=True)
class Step:
    """What one step of the model brought."""

    num_tokens: int  # sampled in this step, by all rows together
    pairs: list[Draft]  # complete since this step


@dataclass
class _Row:
    draft: Draft
    side: Side
    seed: int
    token_ids: list[int]


class PairSampler:
    """Samples two completions for each draft, again where one cannot be used."""

    def __init__(self, model: Any, tokenizer: Any, options: GenerateOptions) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._options = options
        self._stop_ids = stop_tokens(model, tokenizer)
        self._limit = BatchLimit(
            num_rows=2 * options.generation.batch_size,
            num_tokens=CACHE_BYTES // _cache_bytes_per_token(model),
            max_new_tokens=options.sampling.max_new_tokens,
        )

    def steps(self, drafts: Sequence[Draft]) -> Iterator[Step]:
        """Work on the drafts until each is a pair or given up; yields after every model step.

        First all drafts get one attempt, so that pairs come early; then those that failed.
        """
        max_attempts = self._options.generation.max_attempts
        for attempt in range(max_attempts):
            unfinished = [draft for draft in drafts if not draft.is_pair()]
            for batch in batches(unfinished, self._limit):
                yield from self._sample(batch, attempt)
                for draft in batch:
                    draft.is_given_up = attempt + 1 == max_attempts and not draft.is_pair()

    def _sample(self, drafts: Sequence[Draft], attempt: int) -> Iterator[Step]:
        sampling = self._options.sampling
        rows_of_drafts = [
            [
                _Row(
                    draft, side, completion_seed(sampling.seed, draft.prompt_id, attempt, side), []
                )
                for side in draft.wanted()
            ]
            for draft in drafts
        ]
        rows = [row for rows_of_draft in rows_of_drafts for row in rows_of_draft]
        batch = Batch(
            prompts=[draft.token_ids for draft in drafts],
            seeds=[[row.seed for row in rows_of_draft] for rows_of_draft in rows_of_drafts],
        )
        for new_tokens in sample(self._model, batch, sampling, stop_ids=self._stop_ids):
            pairs = [rows[new.row].draft for new in new_tokens if self._put(rows[new.row], new)]
            yield Step(len(new_tokens), pairs)

    def _put(self, row: _Row, new: NewToken) -> bool:
        """Add a token to its row; whether this makes the row's draft a pair."""
        if new.finish_reason != "stop":
            row.token_ids.append(new.token_id)
        if new.finish_reason is None:
            return False
        text = self._tokenizer.decode(
            row.token_ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        completion = Completion(text, row.seed, len(row.token_ids), new.finish_reason)
        row.draft.take(row.side, completion, self._options.generation)
        return row.draft.is_pair()


def _cache_bytes_per_token(model: Any) -> int:
    """What the keys and values of one token take in all layers."""
    config = model.config.get_text_config()
    head_size = getattr(config, "head_dim", None) or (
        config.hidden_size // config.num_attention_heads
    )
    num_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    num_bytes: int = 2 * config.num_hidden_layers * num_heads * head_size * model.dtype.itemsize
    return num_bytes
