"""Direct preference optimisation with TRL: pushes chosen answers up against rejected ones."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from trainer.recipes import training
from trainer.recipes.callbacks import RunCallback
from trainer.recipes.guard import FiniteLossMixin
from trainer.recipes.options import PRESETS
from trainer.recipes.shared_prefix import share_prefixes, supports
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
    callback = RunCallback(context, options.stopping)
    with training.memory_advice(options):
        model, lora = training.load_policy(setup)
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
            trainer.add_references(ReferenceProgress(setup))
        reference_seconds = round(time.monotonic() - started, 1)
        summary = training.carry_out(trainer, callback, setup)
    return {**summary, "reference_seconds": reference_seconds}


class PairTrainer(FiniteLossMixin, DPOTrainer):
    """TRL's DPOTrainer on pairs that are tokenised already."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        base = self.model.get_base_model()
        self.shares_prefixes = supports(base)
        if self.shares_prefixes:
            share_prefixes(base)
        for name, module in self.model.named_modules():
            if isinstance(module, torch.nn.Dropout) and name.endswith("lora_dropout.ref"):
                module.p = 0.0  # the reference is frozen: dropout would make it differ each time

    def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        """TRL's hook for tokenising, of which nothing is left to do."""
        return dataset

    def add_references(self, report: Callable[[int], None]) -> None:
        """Compute the reference log-probabilities of every pair once, before training.

        TRL's own switch for this hashes all base weights first and goes through the pairs in
        their order; here they go by length, so that little is padding. `report` is told how many
        more pairs are done.
        """
        self.train_dataset: Dataset = self._with_references(self.train_dataset, report)
        if self.eval_dataset is not None:
            self.eval_dataset: Dataset = self._with_references(self.eval_dataset, report)
        self.precompute_ref_logps = True

    def _with_references(self, dataset: Dataset, report: Callable[[int], None]) -> Dataset:
        rows = dataset.to_list()
        order = sorted(range(len(rows)), key=lambda index: PairTokens(**rows[index]).num_tokens())
        size = self.args.per_device_train_batch_size
        for start in range(0, len(order), size):
            batch = [rows[index] for index in order[start : start + size]]
            inputs = self._prepare_inputs(self.data_collator(batch))
            chosen, rejected = self.compute_ref_log_probs(self.model, inputs)
            for row, *values in zip(batch, chosen.tolist(), rejected.tolist(), strict=True):
                row["ref_chosen_logps"], row["ref_rejected_logps"] = values
            report(len(batch))
        return Dataset.from_list(rows)


class ReferenceProgress:
    """Tells how far the reference pass is, and stops it when asked."""

    TIMES_AS_LONG = 3.0  # a training step needs a forward pass and twice as much to go back

    def __init__(self, setup: training.Setup) -> None:
        self._context = setup.context
        self._num_steps = setup.num_steps()
        self._num_left = len(setup.train) + len(setup.heldout)
        self._num_trained = self._num_steps * setup.options.training.num_pairs_a_step()
        self._num_done = 0
        self._started_at = time.monotonic()

    def __call__(self, num_more: int) -> None:
        """Count pairs as done; raises Cancelled when a stop was asked for."""
        if self._context.stop_asked():
            raise Cancelled(summary={}, adapter=None)
        self._num_done += num_more
        self._num_left -= num_more
        per_pair = (time.monotonic() - self._started_at) / self._num_done
        eta = per_pair * (self._num_left + self.TIMES_AS_LONG * self._num_trained)
        self._context.events.write(
            "progress",
            done=0,
            total=self._num_steps,
            step=0,
            eta_seconds=round(eta, 1),
            phase="reference",
        )


def _dataset(pairs: list[PairTokens]) -> Dataset:
    return Dataset.from_list([asdict(pair) for pair in pairs])
