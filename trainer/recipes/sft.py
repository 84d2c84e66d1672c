"""Supervised fine-tuning with TRL on the chosen answers, with the loss on the answer alone."""

from typing import Any

from trl import SFTConfig, SFTTrainer

from trainer.recipes import training
from trainer.recipes.callbacks import RunCallback
from trainer.recipes.checkpoints import CheckpointMixin
from trainer.recipes.guard import FiniteLossMixin
from trainer.recipes.policy import load_policy, prepare_weights
from trainer.recipes.tokens import PairTokens
from trainer.runs.context import RunContext


def run(context: RunContext) -> dict[str, Any]:
    """Carry out an SFT run and return its summary."""
    setup = training.prepare(context)
    callback = RunCallback(context, stopping=None)
    with training.memory_advice(setup.options):
        model, lora = load_policy(context, setup.options)
        trainer = AnswerTrainer(
            model=model,
            args=SFTConfig(**training.trainer_arguments(setup)),
            **training.datasets(setup, _row),
            processing_class=setup.tokenizer,
            peft_config=lora,
            callbacks=[callback],
        )
        prepare_weights(trainer)
        return training.carry_out(trainer, callback, setup)


class AnswerTrainer(FiniteLossMixin, CheckpointMixin, SFTTrainer):
    """TRL's SFTTrainer that stops at the first loss that is not finite."""


def _row(pair: PairTokens) -> dict[str, list[int]]:
    """The ids of a conversation, and which are the answer."""
    return {
        "input_ids": pair.prompt_ids + pair.chosen_ids,
        "completion_mask": [0] * len(pair.prompt_ids) + [1] * len(pair.chosen_ids),
    }
