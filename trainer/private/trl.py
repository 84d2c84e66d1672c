"""What is used of TRL, and of transformers' Trainer under it, beyond what they promise."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from datasets import Dataset
from peft import PeftModel
from transformers import Trainer
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from trl import DPOTrainer
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.utils import FusedCausalLMOutput, use_adapter

REFERENCE_COPY = "ref"  # TRL's name of the frozen copy of the adapter that a run starts from

# How Trainer names a checkpoint's folder, and the file in it that is written last.
CHECKPOINT_PREFIX, CHECKPOINT_STATE = PREFIX_CHECKPOINT_DIR, TRAINER_STATE_NAME

# What TRL's forward for losses gives: its trainers read the fields, and DDP finds tensors in it.
LossOutput = FusedCausalLMOutput


class TokenisedDPOTrainer(DPOTrainer):
    """TRL's DPOTrainer on rows that are tokenised already, and without its pass for references."""

    def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        """TRL's hook for tokenising, of which nothing is left to do."""
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        """TRL's hook for computing all references anew, in their order."""
        return dataset


@contextmanager
def as_reference(trainer: DPOTrainer) -> Iterator[Any]:
    """The reference of a run: its own model, or the policy without what it learns.

    TRL's own `compute_ref_log_probs` switches adapters for every batch, and looks at all layers
    each time.
    """
    model = trainer.model
    adapter: Any = nullcontext()
    if trainer.ref_model is None and isinstance(model, PeftModel):
        name = REFERENCE_COPY if REFERENCE_COPY in model.peft_config else None
        adapter = use_adapter(model, adapter_name=name)
    quietly = disable_gradient_checkpointing(model, trainer.args.gradient_checkpointing_kwargs)
    with quietly, adapter:
        yield trainer.ref_model or model


def num_tokens_seen(trainer: Any) -> int:
    """TRL's metric num_tokens, which it keeps between logs, but not in checkpoints."""
    return int(trainer._total_train_tokens)


def count_tokens_from(trainer: Any, num_tokens: int) -> None:
    """Let TRL's metric num_tokens go on from there instead of from 0."""
    trainer._total_train_tokens = num_tokens


class CheckpointHook:
    """A mixin that makes Trainer's writing of a checkpoint a method that may be extended."""

    def write_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Write a checkpoint as Trainer does."""
        super()._save_checkpoint(*args, **kwargs)  # type: ignore[misc]

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        self.write_checkpoint(*args, **kwargs)


def load_weights(trainer: Trainer, checkpoint: str) -> None:
    """Put a checkpoint's weights into the model, and nothing else of it."""
    trainer._load_from_checkpoint(checkpoint)
