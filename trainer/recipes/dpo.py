"""Direct preference optimisation with TRL: pushes chosen answers up against rejected ones."""

import time
from dataclasses import asdict
from typing import Any

import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from trainer.recipes import training
from trainer.recipes.callbacks import RunCallback
from trainer.recipes.guard import FiniteLossMixin
from trainer.recipes.options import PRESETS
from trainer.recipes.tokens import PairTokens
from trainer.run_context import Cancelled, RunContext


def run(context: RunContext) -> dict[str, Any]:
    """Carry out a DPO run and return its summary."""
    setup = training.prepare(context, PRESETS["quick"])
    options = setup.options
    arguments = DPOConfig(
        **training.trainer_arguments(setup),
        beta=options.training.beta,
        loss_type=[options.training.loss_type],
        label_smoothing=options.training.label_smoothing,
        disable_dropout=options.training.disable_dropout,
    )
    model, lora = training.load_policy(setup)
    callback = RunCallback(context, options.stopping)
    trainer = PairTrainer(
        model=model,
        args=arguments,
        train_dataset=_dataset(setup.train),
        eval_dataset=_dataset(setup.heldout) if setup.heldout else None,
        processing_class=setup.tokenizer,
        peft_config=lora,
        callbacks=[callback],
    )
    started = time.monotonic()
    if options.training.precompute_ref_log_probs:
        trainer.add_references(context)
    reference_seconds = round(time.monotonic() - started, 1)
    summary = training.carry_out(trainer, callback, setup)
    return {**summary, "reference_seconds": reference_seconds}


class PairTrainer(FiniteLossMixin, DPOTrainer):
    """TRL's DPOTrainer on pairs that are tokenised already."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name, module in self.model.named_modules():
            if isinstance(module, torch.nn.Dropout) and name.endswith("lora_dropout.ref"):
                module.p = 0.0  # the reference is frozen: dropout would make it differ each time

    def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        """TRL's hook for tokenising, of which nothing is left to do."""
        return dataset

    def add_references(self, context: RunContext) -> None:
        """Compute the reference log-probabilities of every pair once, before training.

        TRL's own switch for this hashes all base weights first and goes through the pairs in
        their order; here they go by length, so that little is padding.
        """
        self.train_dataset = self._with_references(self.train_dataset, context)
        if self.eval_dataset is not None:
            self.eval_dataset = self._with_references(self.eval_dataset, context)
        self.precompute_ref_logps = True

    def _with_references(self, dataset: Dataset, context: RunContext) -> Dataset:
        rows = dataset.to_list()
        order = sorted(range(len(rows)), key=lambda index: PairTokens(**rows[index]).num_tokens())
        size = self.args.per_device_train_batch_size
        for start in range(0, len(order), size):
            if context.stop_asked():
                raise Cancelled(summary={}, adapter=None)
            batch = [rows[index] for index in order[start : start + size]]
            inputs = self._prepare_inputs(self.data_collator(batch))
            chosen, rejected = self.compute_ref_log_probs(self.model, inputs)
            for row, *values in zip(batch, chosen.tolist(), rejected.tolist(), strict=True):
                row["ref_chosen_logps"], row["ref_rejected_logps"] = values
            num_done = min(start + size, len(order))
            context.events.write(
                "progress", done=0, total=0, step=0, eta_seconds=None, phase="reference",
                num_pairs_done=num_done, num_pairs=len(order),
            )  # fmt: skip
        return Dataset.from_list(rows)


def _dataset(pairs: list[PairTokens]) -> Dataset:
    return Dataset.from_list([asdict(pair) for pair in pairs])
