"""Answers chat requests with one base model, and the adapters or full models asked for.

Rows with and without an adapter are one batch: the base weights are read once for all of them.
The batch keeps its shape, so the base's answer to a prompt does not depend on the adapter. A full
model answers in a batch of its own, one step of it after one of the base's; one is held at a time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from trainer.chat.client import ChatEvent, ChatRequest
from trainer.errors import TrainerError
from trainer.generation.sampling import Batch, NewToken, sample, stop_tokens
from trainer.generation.text_stream import TextStream
from trainer.models.chat_template import encode_conversation
from trainer.models.loading import load_adapter, load_full_model, load_model, load_tokenizer
from trainer.runs.manifest import adapter_path, check_manifest, holds_full_model, manifest_hash

BASE = "__base__"  # peft's name for a row without an adapter
MAX_ADAPTERS = 4  # held at a time; the one that was loaded first makes room
Version = tuple[Path, str]  # folder and manifest hash of what was trained


@dataclass(frozen=True)
class _Share:
    """The rows of a request that one model answers."""

    model: Any
    rows: list[int]
    adapter_names: list[str] | None  # peft's for each row; None for a model without adapters


class Answerer:
    """One base model in memory. Raises TrainerError when it cannot be loaded."""

    def __init__(self, base: str, data_folder: Path, device: str) -> None:
        self.base = base
        self._data_folder = data_folder
        self._tokenizer = load_tokenizer(base, data_folder)
        self._model = load_model(base, data_folder, device=device)
        self._stop_ids = stop_tokens(self._model, self._tokenizer)
        self._device = device
        self._adapters: dict[Version, str] = {}  # its name in the model
        self._num_loaded = 0
        self._full_model: tuple[Version, Any] | None = None  # the full model that was asked last

    def answer(self, request: ChatRequest, is_stopped: Callable[[], bool]) -> Iterator[ChatEvent]:
        """Yield text as soon as it is certain; after a stop nothing more comes."""
        prompts = [self._encode(request, row) for row in range(len(request.conversations))]
        rows = [_Row(row, TextStream(self._tokenizer)) for row in range(len(prompts))]
        streams = [self._sample(share, prompts, request) for share in self._shares(request)]
        for steps in zip_longest(*streams, fillvalue=()):
            if is_stopped():
                return
            for row, new in chain(*steps):
                event = rows[row].take(new)
                if event.text or event.finished:
                    yield event

    def _sample(
        self, share: _Share, prompts: list[list[int]], request: ChatRequest
    ) -> Iterator[list[tuple[int, NewToken]]]:
        """Step by step the new tokens of one model, each with its row in the request."""
        batch = Batch(
            [prompts[row] for row in share.rows],
            [[request.sampling.seed]] * len(share.rows),
            share.adapter_names,
            keeps_shape=True,
        )
        for step in sample(share.model, batch, request.sampling, stop_ids=self._stop_ids):
            yield [(share.rows[new.row], new) for new in step]

    def _encode(self, request: ChatRequest, row: int) -> list[int]:
        token_ids = encode_conversation(
            self._tokenizer, request.conversations[row], add_generation_prompt=True
        )
        limit = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        if limit is not None and len(token_ids) + request.sampling.max_new_tokens > limit:
            raise TrainerError(
                f"The conversation has {len(token_ids)} tokens. With an answer of up to "
                f"{request.sampling.max_new_tokens} it does not fit into the model's {limit}. "
                "Start a new conversation, or allow fewer tokens."
            )
        return token_ids

    def _shares(self, request: ChatRequest) -> list[_Share]:
        """Which model answers which rows: one for all, or base and a full model for their own."""
        tuned = [row for row, is_tuned in enumerate(request.adapters) if is_tuned]
        untouched = [row for row, is_tuned in enumerate(request.adapters) if not is_tuned]
        if not tuned:
            return [self._share_of_base(untouched)]
        if request.adapter is None:
            raise TrainerError("A tuned answer was asked for, but no adapter. Choose one.")
        folder = adapter_path(self._data_folder, request.adapter)
        if not holds_full_model(folder):
            name = self._load_adapter(folder)
            names = [name if is_tuned else BASE for is_tuned in request.adapters]
            return [_Share(self._model, list(range(len(names))), names)]
        full = _Share(self._load_full_model(folder), tuned, None)
        return [self._share_of_base(untouched), full] if untouched else [full]

    def _share_of_base(self, rows: list[int]) -> _Share:
        """Rows that the base answers, without any of the adapters that its model has by now."""
        return _Share(self._model, rows, [BASE] * len(rows) if self._num_loaded else None)

    def _load_full_model(self, folder: Path) -> Any:
        """The full model of that folder, checked as it is loaded; a changed one is loaded anew."""
        version = (folder, manifest_hash(folder))
        if self._full_model is None or self._full_model[0] != version:
            self._full_model = None  # its memory first
            model = load_full_model(folder, self._data_folder, base=self.base, device=self._device)
            self._full_model = (version, model)
        return self._full_model[1]

    def _load_adapter(self, folder: Path) -> str:
        """The name of the adapter in the model. An adapter that was changed is loaded anew."""
        check_manifest(folder)
        key = (folder, manifest_hash(folder))
        if key not in self._adapters:
            name = f"tuned{self._num_loaded + 1}"
            self._model = load_adapter(self._model, folder, name=name, base=self.base).eval()
            self._num_loaded += 1
            self._adapters[key] = name
            if len(self._adapters) > MAX_ADAPTERS:
                self._model.delete_adapter(self._adapters.pop(next(iter(self._adapters))))
        return self._adapters[key]


class _Row:
    """The text of one answer as it grows."""

    def __init__(self, row: int, text: TextStream) -> None:
        self._row = row
        self._row_text = text
        self._num_tokens = 0

    def take(self, new: NewToken) -> ChatEvent:
        """What this token adds."""
        text = ""
        if new.finish_reason != "stop":
            self._num_tokens += 1
            text = self._row_text.push(new.token_id)
        if new.finish_reason is None:
            return ChatEvent(self._row, text)
        text += self._row_text.finish()
        return ChatEvent(self._row, text, True, new.finish_reason, self._num_tokens)
