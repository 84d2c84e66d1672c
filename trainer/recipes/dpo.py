"""Direct preference optimisation with TRL: pushes chosen answers up against rejected ones."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from accelerate.utils import send_to_device
from datasets import Dataset
from peft import PeftModel
from transformers import PreTrainedModel
from trl import DPOConfig

from trainer.errors import TrainerError
from trainer.kernels.pair_collator import PairCollator
from trainer.kernels.shared_prefix import share_prefixes, supports
from trainer.models import loading, model_source
from trainer.private.peft import drop_nothing
from trainer.private.trl import REFERENCE_COPY, TokenisedDPOTrainer, as_reference
from trainer.recipes import training
from trainer.recipes.callbacks import RunCallback
from trainer.recipes.checkpoints import CheckpointMixin
from trainer.recipes.guard import FiniteLossMixin
from trainer.recipes.policy import load_policy, load_reference, prepare_weights
from trainer.recipes.ranks import all_parts, any_rank
from trainer.recipes.reference_cache import (
    LogProbs,
    Reference,
    ReferenceCache,
    pair_key,
    weights_hash,
)
from trainer.recipes.tokens import PairTokens
from trainer.runs.context import Cancelled, RunContext, num_ranks, rank
from trainer.runs.manifest import adapter_path, manifest_hash

MAX_TOKENS_TOGETHER = 2048  # of the longer conversations of pairs whose references come at once


def run(context: RunContext) -> dict[str, Any]:
    """Carry out a DPO run and return its summary."""
    setup = training.prepare(context)
    options = setup.options
    precomputes = options.training.precompute_ref_log_probs
    arguments = DPOConfig(
        **training.trainer_arguments(setup),
        # TRL else keeps a frozen copy of a full model; an adapter is switched off instead.
        precompute_ref_log_probs=options.trains_full_model and precomputes,
    )
    callback = RunCallback(context, options.stopping)
    with training.memory_advice(options):
        model, lora = load_policy(context, options)
        trainer = PairTrainer(
            model=model,
            ref_model=load_reference(context, options),
            args=arguments,
            **training.datasets(setup, asdict),
            processing_class=setup.tokenizer,
            peft_config=lora,
            callbacks=[callback],
        )
        if options.training.reference == "base" and not options.trains_full_model:
            trainer.hold_to_base()
        # Before the references: in 16 bits an adapter as peft computes it is another model.
        prepare_weights(trainer)
        references = {}
        if precomputes:
            references = _add_references(trainer, setup)
        summary = training.carry_out(trainer, callback, setup)
    return {**summary, **references}


def _add_references(trainer: "PairTrainer", setup: training.Setup) -> dict[str, Any]:
    """Give the trainer its references; returns what the summary says of them."""
    started = time.monotonic()
    num_computed = trainer.add_references(_reference_cache(setup), ReferenceProgress(setup))
    return {
        "num_references_computed": num_computed,
        "num_references_cached": len(setup.train) + len(setup.heldout) - num_computed,
        "reference_seconds": round(time.monotonic() - started, 1),
    }


def _reference_cache(setup: training.Setup) -> ReferenceCache:
    spec, data_folder = setup.context.spec, setup.context.data_folder
    folder = data_folder / "cache"
    files = model_source.content_files(spec.base, data_folder)
    if not files:
        raise TrainerError(
            f"The files of the model {spec.base} were not found where the hub's models are kept. "
            "Set precompute_ref_log_probs to false, or give a local folder."
        )
    adapter = None
    if spec.adapter is not None and setup.options.training.reference == "start":
        adapter = manifest_hash(adapter_path(data_folder, spec.adapter))
    reference = Reference(
        base=weights_hash(files, folder / "weights.json"),
        adapter=adapter,
        quantization=setup.options.to_dict()["quantization"],
        dtype=_reference_dtype(setup),
        device=loading.pick_device(setup.context.device).type,
    )
    return ReferenceCache(folder, reference)


def _reference_dtype(setup: training.Setup) -> str:
    """What the values are computed in; a full model's weights are float32 whatever that is."""
    computes_in = training.dtype_name(setup.context.device)
    if setup.options.trains_full_model and computes_in != "float32":
        return f"{computes_in} from float32"
    return computes_in


class PairTrainer(FiniteLossMixin, CheckpointMixin, TokenisedDPOTrainer):
    """TRL's DPOTrainer on pairs that are tokenised already."""

    ref_model: Any  # a second model that the policy is held to, or None
    data_collator: Any

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        base = self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model
        self.shares_prefixes = supports(base)
        if self.shares_prefixes:
            self.data_collator = PairCollator(self.data_collator)
            share_prefixes(base)
            if self.ref_model is not None:
                share_prefixes(self.ref_model)
        # The reference is frozen: dropout would make it differ each time.
        drop_nothing(self.model, REFERENCE_COPY)

    def hold_to_base(self) -> None:
        """Take the model without any adapter as the reference, also when going on from one."""
        if REFERENCE_COPY in self.model.peft_config:
            self.model.delete_adapter(REFERENCE_COPY)

    def add_references(self, cache: ReferenceCache, report: Callable[[int, int], None]) -> int:
        """Look up or compute the reference log-probabilities of every pair, before training.

        TRL's own switch for this computes all pairs anew, in their order; here only those that
        the cache lacks are computed. Returns their number; `report` is given after each batch how
        many of how many are done.
        """
        keys = {
            name: [pair_key(PairTokens(**row)) for row in dataset]
            for name, dataset in self._datasets().items()
        }
        missing = {
            key: PairTokens(**row)
            for name, dataset in self._datasets().items()
            for key, row in zip(keys[name], dataset, strict=True)
            if cache.get(key) is None
        }
        if missing:
            self._compute_references(missing, cache, report)
        if self.ref_model is not None:
            self.ref_model.to("meta")  # frees its memory: accelerate holds on to the model itself
            self.ref_model = None
        for name, dataset in self._datasets().items():
            values = [cache.get(key) for key in keys[name]]
            for side in ("chosen", "rejected"):
                column = [getattr(value, side) for value in values]
                dataset = dataset.add_column(f"ref_{side}_logps", column)
            setattr(self, name, dataset)
        self.precompute_ref_logps = True
        return len(missing)

    def _datasets(self) -> dict[str, Dataset]:
        datasets = {"train_dataset": self.train_dataset, "eval_dataset": self.eval_dataset}
        return {name: dataset for name, dataset in datasets.items() if dataset is not None}

    def _compute_references(
        self,
        missing: dict[bytes, PairTokens],
        cache: ReferenceCache,
        report: Callable[[int, int], None],
    ) -> None:
        batches = self._batches(missing)
        num_done = 0
        with torch.no_grad(), as_reference(self) as model, self.accelerator.autocast():
            for start in range(0, len(batches), num_ranks()):
                of_ranks = batches[start : start + num_ranks()]
                mine = of_ranks[rank()] if rank() < len(of_ranks) else []
                found = self._computed(model, [missing[key] for key in mine]) if mine else []
                together = [key for batch in of_ranks for key in batch]
                values = dict(zip(together, all_parts(found), strict=True))
                cache.add(values, on_disk=rank() == 0)
                num_done += len(together)
                report(num_done, len(missing))

    def _batches(self, missing: dict[bytes, PairTokens]) -> list[list[bytes]]:
        """Keys of the pairs that go through the model at once, by a budget of tokens.

        Prompts that begin alike come together, since that beginning is computed once. Where TRL's
        own forward pads, pairs of like length do, as many as in a batch of the training.
        """
        if not self.shares_prefixes:
            keys = sorted(missing, key=lambda key: missing[key].num_tokens())
            size = self.args.per_device_train_batch_size
            return [keys[start : start + size] for start in range(0, len(keys), size)]
        batches: list[list[bytes]] = []
        room = 0
        for key in sorted(missing, key=lambda key: missing[key].prompt_ids):
            room -= missing[key].num_tokens()
            if not batches or room < 0:
                batches.append([])
                room = MAX_TOKENS_TOGETHER - missing[key].num_tokens()
            batches[-1].append(key)
        return batches

    def _computed(self, model: PreTrainedModel, pairs: list[PairTokens]) -> list[LogProbs]:
        batch = self.data_collator([asdict(pair) for pair in pairs])
        inputs = send_to_device(batch, self.accelerator.device)
        is_answer = inputs.pop("completion_mask") == 1
        labels = inputs["input_ids"].masked_fill(~is_answer, -100)
        if self.shares_prefixes:
            inputs["log_probs_only"] = True
        output = model(**inputs, labels=labels, use_cache=False, fused_lm_head=True)
        sides = output.log_probs.sum(dim=1).chunk(2)
        return [
            LogProbs(*values) for values in zip(*(side.tolist() for side in sides), strict=True)
        ]


class ReferenceProgress:
    """Writes down how far the reference pass is, and stops it when asked."""

    TIMES_AS_LONG = 3.0  # a training step needs a forward pass and twice as much to go back

    def __init__(self, setup: training.Setup) -> None:
        self._context = setup.context
        self._num_steps = setup.num_steps()
        self._num_trained = self._num_steps * setup.options.training.num_pairs_a_step()
        self._started_at = time.monotonic()

    def __call__(self, num_done: int, num_all: int) -> None:
        """Write how many pairs are computed; raises Cancelled when a stop was asked for."""
        if any_rank(self._context.stop_asked()):
            raise Cancelled(summary={}, adapter=None)
        per_pair = (time.monotonic() - self._started_at) / num_done
        eta = per_pair * (num_all - num_done + self.TIMES_AS_LONG * self._num_trained)
        self._context.events.write(
            "progress",
            done=0,
            total=self._num_steps,
            step=0,
            eta_seconds=round(eta, 1),
            phase="reference",
        )
