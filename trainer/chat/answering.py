"""Answers chat requests with one base model and the adapters that were asked for.

Rows with and without an adapter are one batch: the base weights are read once for all of them.
The batch keeps its shape, so the base's answer to a prompt does not depend on the adapter.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from trainer import run_folder
from trainer.chat.client import ChatEvent, ChatRequest
from trainer.chat_template import encode_conversation
from trainer.errors import TrainerError
from trainer.generation.sampling import Batch, NewToken, sample, stop_tokens
from trainer.generation.text_stream import TextStream
from trainer.loading import load_adapter, load_model, load_tokenizer

BASE = "__base__"  # peft's name for a row without an adapter
MAX_ADAPTERS = 4  # held at a time; the one that was loaded first makes room


class Answerer:
    """One base model in memory. Raises TrainerError when it cannot be loaded."""

    def __init__(self, base: str, data_folder: Path, device: str) -> None:
        self.base = base
        self._data_folder = data_folder
        self._tokenizer = load_tokenizer(base, data_folder)
        self._model = load_model(base, data_folder, device=device)
        self._stop_ids = stop_tokens(self._model, self._tokenizer)
        self._adapters: dict[tuple[Path, str], str] = {}  # folder and manifest hash -> name
        self._num_loaded = 0

    def answer(self, request: ChatRequest, is_stopped: Callable[[], bool]) -> Iterator[ChatEvent]:
        """Yield text as soon as it is certain; after a stop nothing more comes."""
        prompts = [self._encode(request, row) for row in range(len(request.conversations))]
        seeds = [[request.sampling.seed]] * len(prompts)
        batch = Batch(prompts, seeds, self._adapter_names(request), keeps_shape=True)
        rows = [_Row(TextStream(self._tokenizer)) for _ in prompts]
        for new_tokens in sample(self._model, batch, request.sampling, stop_ids=self._stop_ids):
            if is_stopped():
                return
            for new in new_tokens:
                event = rows[new.row].take(new)
                if event.text or event.finished:
                    yield event

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

    def _adapter_names(self, request: ChatRequest) -> list[str] | None:
        """peft's name of each row's adapter; None while the model has never had one."""
        if any(request.adapters):
            if request.adapter is None:
                raise TrainerError("A tuned answer was asked for, but no adapter. Choose one.")
            tuned = self._load_adapter(request.adapter)
            return [tuned if with_adapter else BASE for with_adapter in request.adapters]
        return [BASE] * len(request.adapters) if self._num_loaded else None

    def _load_adapter(self, adapter: str) -> str:
        """The name of the adapter in the model. An adapter that was changed is loaded anew."""
        folder = run_folder.adapter_path(self._data_folder, adapter)
        run_folder.check_manifest(folder)
        key = (folder, run_folder.manifest_hash(folder))
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

    def __init__(self, text: TextStream) -> None:
        self._row_text = text
        self._num_tokens = 0

    def take(self, new: NewToken) -> ChatEvent:
        """What this token adds."""
        text = ""
        if new.finish_reason != "stop":
            self._num_tokens += 1
            text = self._row_text.push(new.token_id)
        if new.finish_reason is None:
            return ChatEvent(new.row, text)
        text += self._row_text.finish()
        return ChatEvent(new.row, text, True, new.finish_reason, self._num_tokens)
