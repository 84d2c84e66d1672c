"""A reward model with TRL: the base with a head that scores chosen answers above rejected ones."""

from typing import Any

import torch
from peft import LoraConfig
from trl import RewardConfig, RewardTrainer

from trainer.evaluation.win_rate import wilson_interval
from trainer.models import loading
from trainer.options.arguments import lora_arguments
from trainer.recipes import training
from trainer.recipes.callbacks import RunCallback
from trainer.recipes.checkpoints import CheckpointMixin
from trainer.recipes.guard import FiniteLossMixin
from trainer.recipes.policy import load_frozen, prepare_weights
from trainer.recipes.tokens import PairTokens
from trainer.runs.context import RunContext


def run(context: RunContext) -> dict[str, Any]:
    """Carry out a reward run; its summary says how many held-out pairs it judges rightly.

    The loss is Bradley and Terry's (1952): -log sigmoid(score of chosen - score of rejected).
    """
    setup = training.prepare(context)
    callback = RunCallback(context, stopping=None)
    with training.memory_advice(setup.options):
        trainer = make_trainer(setup, callback)
        prepare_weights(trainer)
        summary = training.carry_out(trainer, callback, setup)
        if setup.heldout:
            summary["heldout_accuracy"] = _heldout_accuracy(trainer, len(setup.heldout))
    return summary


class ScoreTrainer(FiniteLossMixin, CheckpointMixin, RewardTrainer):
    """TRL's RewardTrainer that stops at the first loss that is not finite."""

    @torch.no_grad()
    def num_right(self) -> int:
        """Held-out pairs whose chosen answer scores higher, counted one by one.

        TRL's `eval_accuracy` is a mean over batches, which gives a small last batch too much
        weight.
        """
        self.model.eval()
        right = 0
        for batch in self.get_eval_dataloader():
            with self.compute_loss_context_manager():
                scores = self.model(**batch, use_cache=False).logits.squeeze(-1)
            chosen, rejected = scores.chunk(2)
            right += int(self.accelerator.gather_for_metrics(chosen > rejected).sum())
        return right


def make_trainer(setup: training.Setup, callback: RunCallback) -> ScoreTrainer:
    """A trainer for the base model with a fresh score head and a fresh adapter."""
    options, context = setup.options, setup.context
    torch.manual_seed(options.training.seed)  # the head is drawn while the model loads
    lora = LoraConfig(
        task_type="SEQ_CLS", modules_to_save=[loading.SCORE_HEAD], **lora_arguments(options)
    )
    return ScoreTrainer(
        model=load_frozen(context, options, scores=True),
        args=RewardConfig(**training.trainer_arguments(setup)),
        **training.datasets(setup, _row),
        processing_class=setup.tokenizer,
        peft_config=lora,
        callbacks=[callback],
    )


def _heldout_accuracy(trainer: ScoreTrainer, num_pairs: int) -> dict[str, Any]:
    num_right = trainer.num_right()
    low, high = wilson_interval(num_right, num_pairs)
    return {"num_right": num_right, "num_pairs": num_pairs, "low": low, "high": high}


def _row(pair: PairTokens) -> dict[str, list[int]]:
    """Both conversations of a pair."""
    return {
        "chosen_ids": pair.prompt_ids + pair.chosen_ids,
        "rejected_ids": pair.prompt_ids + pair.rejected_ids,
    }
