"""The one sampling loop: prompts in, a stream of token ids out.

Generation of pairs and the chat both use it. It knows token ids only: no text, no files, no
events. A completion is decided by its seed, its prompt and the options; the other rows of the
batch enter only through rounding (bf16 products of another shape round differently).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from trainer.generation.growing_cache import growing_cache
from trainer.options.generation import SamplingOptions

FinishReason = Literal["stop", "length"]

# How many of the likeliest tokens are looked at first; nearly always they hold top_p, and
# finding them is ten times as fast as sorting the whole vocabulary.
CANDIDATES = 256


@dataclass(frozen=True)
class Batch:
    """Prompts, and for each of them the completions to sample.

    Rows are numbered through: first all completions of the first prompt, then the second's. A
    prompt is computed once, however many completions it gets.
    """

    prompts: Sequence[Sequence[int]]  # token ids; none may be empty
    seeds: Sequence[Sequence[int]]  # one sequence per prompt, one seed per completion
    adapter_names: Sequence[str] | None = None  # per prompt, for a PeftModel; "__base__": none
    # Rows that are done stay in the batch, so that the others round the same whenever that was.
    keeps_shape: bool = False


@dataclass(frozen=True)
class NewToken:
    """One token of one row. `finish_reason` is None while the row goes on.

    With "stop" the token is an end token and no part of the text; with "length" it is text, the
    last that max_new_tokens allows.
    """

    row: int
    token_id: int
    finish_reason: FinishReason | None


def stop_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Ids of the tokens that end an answer, by the model's and the tokenizer's own word."""
    named = model.generation_config.eos_token_id
    ids = [named] if isinstance(named, int) else list(named or [])
    return frozenset(i for i in [*ids, tokenizer.eos_token_id] if i is not None)


@torch.inference_mode()
def sample(
    model: Any, batch: Batch, sampling: SamplingOptions, *, stop_ids: frozenset[int]
) -> Iterator[list[NewToken]]:
    """Yield the new tokens step by step, one for every row that is not done.

    The model must be in eval mode. Rows that are done leave the batch, so they cost nothing
    (unless it keeps its shape). Closing the iterator ends the work.
    """
    state = _State(model, batch, sampling)
    going_on = set(state.rows)
    logits = state.prefill()
    for step in range(sampling.max_new_tokens):
        token_ids = state.choose(logits, step)
        is_last = step + 1 == sampling.max_new_tokens
        new_tokens = [
            NewToken(row, token_id, _finish_reason(token_id, stop_ids, is_last))
            for row, token_id in zip(state.rows, token_ids.tolist(), strict=True)
            if row in going_on
        ]
        yield new_tokens
        going_on -= {new.row for new in new_tokens if new.finish_reason is not None}
        if not going_on:
            return
        if not batch.keeps_shape and len(going_on) < len(state.rows):
            places = [place for place, row in enumerate(state.rows) if row in going_on]
            state.keep(places)
            token_ids = token_ids[places]
        logits = state.advance(token_ids)


def choose_tokens(
    logits: torch.Tensor, uniforms: torch.Tensor, sampling: SamplingOptions
) -> torch.Tensor:
    """The tokens drawn from `logits` [rows, vocabulary] by numbers `uniforms` [rows] in [0, 1).

    Temperature and nucleus (Holtzman et al. 2020): the smallest set of likeliest tokens whose
    probabilities sum up to top_p, scaled to sum 1. The draw inverts the cumulative distribution
    over the tokens by falling probability. Returns ids [rows]; temperature 0 is the argmax.
    """
    if sampling.temperature == 0:
        return logits.argmax(-1)
    probabilities, token_ids = _likeliest(logits.float() / sampling.temperature, sampling.top_p)
    up_to_here = probabilities.cumsum(-1)
    probabilities = probabilities * (up_to_here - probabilities < sampling.top_p)
    up_to_here = probabilities.cumsum(-1)
    targets = uniforms[:, None].to(up_to_here) * up_to_here[:, -1:]
    # Rounding may put the target on the total: the last token of the nucleus is meant then.
    last = (probabilities > 0).sum(-1, keepdim=True) - 1
    places = (up_to_here <= targets).sum(-1, keepdim=True).minimum(last)
    return token_ids.gather(-1, places)[:, 0]


def _likeliest(logits: torch.Tensor, top_p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Falling probabilities and their token ids: as many as hold top_p in every row."""
    log_totals = logits.logsumexp(-1, keepdim=True)
    vocabulary = logits.shape[-1]
    for size in (CANDIDATES, 16 * CANDIDATES, vocabulary):
        if size >= vocabulary:
            break
        top, token_ids = logits.topk(size)
        probabilities = (top - log_totals).exp()
        if bool((probabilities.sum(-1) >= top_p).all()):
            return probabilities, token_ids
    top, token_ids = logits.sort(descending=True)
    return (top - log_totals).exp(), token_ids


def _finish_reason(token_id: int, stop_ids: frozenset[int], is_last: bool) -> FinishReason | None:
    if token_id in stop_ids:
        return "stop"
    return "length" if is_last else None


class _State:
    """What one running batch holds; every tensor has one row for each completion going on."""

    def __init__(self, model: Any, batch: Batch, sampling: SamplingOptions) -> None:
        self._model = model
        self._sampling = sampling
        self._cache = growing_cache(model.config)
        self._adapter_names = None if batch.adapter_names is None else list(batch.adapter_names)
        self._set_prompts(batch.prompts, model.device)
        self._prompt_of_row = [i for i, seeds in enumerate(batch.seeds) for _ in seeds]
        seeds = [seed for of_prompt in batch.seeds for seed in of_prompt]
        self.rows = list(range(len(seeds)))
        # Drawn on the CPU, so that a seed means the same on every device.
        self._uniforms = torch.stack(
            [
                torch.rand(
                    sampling.max_new_tokens,
                    generator=torch.Generator().manual_seed(seed),
                    dtype=torch.float64,
                )
                for seed in seeds
            ]
        ).to(model.device, torch.float32)

    def _set_prompts(self, prompts: Sequence[Sequence[int]], device: torch.device) -> None:
        length = max(len(prompt) for prompt in prompts)
        gaps = [length - len(prompt) for prompt in prompts]
        padded = [[0] * gap + list(prompt) for gap, prompt in zip(gaps, prompts, strict=True)]
        self._tokens = torch.tensor(padded, device=device)
        columns = torch.arange(length, device=device)
        self._mask = columns >= torch.tensor(gaps, device=device)[:, None]
        self._positions = (self._mask.cumsum(-1) - 1).clamp(min=0)

    def prefill(self) -> torch.Tensor:
        """Compute every prompt once, then take its row once for each completion."""
        logits = self._forward(self._tokens, self._positions)
        self._positions = self._positions[:, -1:]
        self._seen = self._find_seen(logits)
        self._select(self._prompt_of_row)
        return logits[self._prompt_of_row]

    def _find_seen(self, logits: torch.Tensor) -> torch.Tensor | None:
        """Which tokens each row holds already, [rows, vocabulary]; only a penalty needs it."""
        if self._sampling.repetition_penalty == 1:
            return None
        seen = torch.zeros_like(logits, dtype=torch.bool)
        rows, columns = self._mask.nonzero(as_tuple=True)
        seen[rows, self._tokens[rows, columns]] = True
        return seen

    def choose(self, logits: torch.Tensor, step: int) -> torch.Tensor:
        """Draw each row's next token; `logits` are [rows, vocabulary]."""
        if self._seen is not None:
            penalty = self._sampling.repetition_penalty  # as in CTRL (Keskar et al. 2019)
            lowered = torch.where(logits > 0, logits / penalty, logits * penalty)
            logits = torch.where(self._seen, lowered, logits)
        return choose_tokens(logits, self._uniforms[:, step], self._sampling)

    def keep(self, places: list[int]) -> None:
        """Let all rows but these go."""
        self._select(places)
        self._uniforms = self._uniforms[places]
        self.rows = [self.rows[place] for place in places]

    def advance(self, token_ids: torch.Tensor) -> torch.Tensor:
        """Put one token a row into the model; returns the next logits."""
        if self._seen is not None:
            self._seen.scatter_(1, token_ids[:, None], True)
        self._positions = self._positions + 1
        self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=True)
        return self._forward(token_ids[:, None], self._positions)

    def _select(self, places: list[int]) -> None:
        self._cache.batch_select_indices(torch.tensor(places, device=self._mask.device))
        self._mask = self._mask[places]
        self._positions = self._positions[places]
        if self._seen is not None:
            self._seen = self._seen[places]
        if self._adapter_names is not None:
            self._adapter_names = [self._adapter_names[place] for place in places]

    def _forward(self, tokens: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        adapters = {} if self._adapter_names is None else {"adapter_names": self._adapter_names}
        output = self._model(
            input_ids=tokens,
            attention_mask=self._mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
            **adapters,
        )
        logits: torch.Tensor = output.logits[:, -1]
        return logits
