"""The run kind `generate`: two completions for each prompt, reported as pairs as they come.

A run that was stopped or killed goes on with the prompts that have no pair yet.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from trainer.errors import RunFolderError, TrainerError
from trainer.generation.pair_drafts import Draft, tally
from trainer.generation.pair_sampling import PairSampler, Step
from trainer.models.chat_template import encode_conversation
from trainer.models.loading import load_adapter, load_full_model, load_model, load_tokenizer
from trainer.options.generation import GenerateOptions
from trainer.runs.context import Cancelled, RunContext
from trainer.runs.event_log import EventWriter, read_events
from trainer.runs.manifest import adapter_path, holds_full_model

PROGRESS_SECONDS = 1.0

Messages = list[dict[str, str]]


def run(context: RunContext) -> dict[str, Any]:
    """Carry out the run; returns the summary. Raises Cancelled after a stop, and TrainerError."""
    options = GenerateOptions.from_dict(context.spec.options).checked()
    prompts = _read_prompts(context)
    events, _ = read_events(context.folder, 0)
    paired = {event["prompt_id"] for event in events if event["type"] == "pair"}
    tokenizer = load_tokenizer(context.spec.base, context.data_folder)
    model = _load_model(context, options)
    context.events.write(
        "started",
        num_prompts=len(prompts),
        num_pairs_before=len(paired),
        device=str(model.device),
        dtype=str(model.dtype).removeprefix("torch."),
    )
    missing = {number: prompts[number] for number in prompts if number not in paired}
    encoded = _encode(tokenizer, missing, max_length=_max_prompt_length(model, options))
    encoded.warn(context.events)
    report = _Report(context.events, encoded, num_pairs_before=len(paired))
    for step in PairSampler(model, tokenizer, options).steps(encoded.drafts):
        report.add(step)
        if context.stop_asked():
            raise Cancelled(summary=report.summary())
    report.progress()
    return report.summary()


def _read_prompts(context: RunContext) -> dict[int, Messages]:
    """The frozen prompts by their id; raises RunFolderError naming a row that is wrong."""
    prompts: dict[int, Messages] = {}
    for number, row in enumerate(context.rows("prompts.jsonl"), start=1):
        prompt_id, messages = row.get("prompt_id"), row.get("messages")
        if type(prompt_id) is not int or prompt_id in prompts:
            raise RunFolderError(f"prompts.jsonl, line {number}: its prompt_id must be its own.")
        if not _is_conversation(messages):
            raise RunFolderError(
                f"prompts.jsonl, line {number}: messages must be a list with role and content."
            )
        prompts[prompt_id] = messages
    return prompts


def _is_conversation(messages: Any) -> TypeGuard[Messages]:
    return isinstance(messages, list) and all(
        isinstance(message, dict)
        and isinstance(message.get("role"), str)
        and isinstance(message.get("content"), str)
        for message in messages
    )


def _load_model(context: RunContext, options: GenerateOptions) -> Any:
    spec, data_folder = context.spec, context.data_folder
    how: dict[str, Any] = {"quantization": options.quantization, "device": context.device}
    if spec.adapter is None:
        return load_model(spec.base, data_folder, **how)
    folder = adapter_path(data_folder, spec.adapter)
    if holds_full_model(folder):
        return load_full_model(folder, data_folder, base=spec.base, **how)
    model = load_model(spec.base, data_folder, **how)
    return load_adapter(model, folder, name="tuned", base=spec.base).eval()


def _max_prompt_length(model: Any, options: GenerateOptions) -> int | None:
    """How many tokens a prompt may have to leave room for the answer; None without a limit."""
    length = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return None if length is None else length - options.sampling.max_new_tokens


@dataclass(frozen=True)
class _Encoded:
    """The prompts as tokens, and the ids of those that the model cannot take."""

    drafts: list[Draft]
    max_length: int | None
    too_long: list[int]
    refused: list[int]  # by the model's chat template

    def warn(self, events: EventWriter) -> None:
        """Tell which prompts are left out, and why."""
        reasons = {
            f"With this max_new_tokens a prompt may have {self.max_length} tokens.": self.too_long,
            "The model's chat template refuses such conversations.": self.refused,
        }
        for reason, prompt_ids in reasons.items():
            if prompt_ids:
                named = ", ".join(map(str, prompt_ids[:10])) + ", ..." * (len(prompt_ids) > 10)
                message = f"{len(prompt_ids)} prompts are left out (number {named}). {reason}"
                events.write("warning", message=message, prompt_ids=prompt_ids)


def _encode(
    tokenizer: Any, prompts: Mapping[int, Sequence[Any]], *, max_length: int | None
) -> _Encoded:
    encoded = _Encoded([], max_length, [], [])
    for prompt_id, messages in prompts.items():
        try:
            token_ids = encode_conversation(tokenizer, messages, add_generation_prompt=True)
        except TrainerError:
            encoded.refused.append(prompt_id)
            continue
        if max_length is not None and len(token_ids) > max_length:
            encoded.too_long.append(prompt_id)
        else:
            encoded.drafts.append(Draft(prompt_id, token_ids))
    return encoded


class _Report:
    """Writes pairs and progress, and sums up. Counts cover the earlier lives of the run too."""

    def __init__(self, events: EventWriter, encoded: _Encoded, *, num_pairs_before: int) -> None:
        self._events = events
        self._encoded = encoded
        self._num_before = num_pairs_before
        self._num_tokens = 0
        self._started = self._reported = time.monotonic()

    def add(self, step: Step) -> None:
        """Take in one step: each new pair is an event at once, progress one about every second."""
        self._num_tokens += step.num_tokens
        for draft in step.pairs:
            self._events.write("pair", **draft.fields())
        if time.monotonic() - self._reported >= PROGRESS_SECONDS:
            self.progress()

    def progress(self) -> None:
        """Write how far the run is; the time left is unknown until something is done."""
        self._reported = time.monotonic()
        num_settled = tally(self._encoded.drafts).num_settled
        num_left = len(self._encoded.drafts) - num_settled
        seconds = self._reported - self._started
        self._events.write(
            "progress",
            done=self._num_before + self._num_left_out() + num_settled,
            total=self._num_before + self._num_left_out() + len(self._encoded.drafts),
            eta_seconds=round(seconds * num_left / num_settled, 1) if num_settled else None,
            tokens_per_second=self._tokens_per_second(),
        )

    def summary(self) -> dict[str, Any]:
        """The `summary` of the run's ending; `pairs` are all that the folder holds."""
        total = tally(self._encoded.drafts)
        left_out = {
            "too_long": len(self._encoded.too_long),
            "refused": len(self._encoded.refused),
        }
        return {
            "pairs": self._num_before + total.num_pairs,
            "dropped": {**total.dropped, **left_out},
            "resampled": total.num_resampled,
            "tokens_per_second": self._tokens_per_second(),
        }

    def _num_left_out(self) -> int:
        return len(self._encoded.too_long) + len(self._encoded.refused)

    def _tokens_per_second(self) -> float:
        seconds = max(time.monotonic() - self._started, 1e-3)
        return round(self._num_tokens / seconds, 1)
