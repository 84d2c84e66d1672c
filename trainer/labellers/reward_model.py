"""A trained reward model that scores conversations: the higher, the better the last answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from trainer.errors import TrainerError
from trainer.models import loading
from trainer.models.chat_template import Message, encode_conversation
from trainer.runs.manifest import check_manifest


class RewardModel:
    """The base model with the adapter and the score head of a reward run.

    Raises TrainerError when the folder holds something else, or does not fit the base model.
    """

    def __init__(
        self, base: str, adapter_folder: Path, *, data_folder: Path, device: str = "auto"
    ) -> None:
        kind = check_manifest(adapter_folder).get("kind")
        if kind != "reward":
            raise TrainerError(
                f"The adapter {adapter_folder} comes from a run of the kind {kind}, which gives no "
                "scores. Choose the adapter of a reward run."
            )
        self._tokenizer: Any = loading.load_tokenizer(base, data_folder)
        model = loading.load_model(base, data_folder, device=device, scores=True)
        model.config.get_text_config().pad_token_id = self._tokenizer.pad_token_id
        self._model = loading.load_adapter(model, adapter_folder, name="reward", base=base).eval()

    def scores(self, conversations: Sequence[Sequence[Message]]) -> list[float]:
        """One score for each conversation; only scores for the same prompt can be compared."""
        with torch.no_grad():
            return [self._score(list(messages)) for messages in conversations]

    def _score(self, messages: list[Message]) -> float:
        ids = encode_conversation(self._tokenizer, messages, add_generation_prompt=False)
        row = torch.tensor([ids], device=self._model.device)
        return float(self._model(input_ids=row, use_cache=False).logits[0, 0])
