"""A batch of random pairs as a training step gets it: TRL's own, and its layout as one row."""

import torch
from accelerate.utils import send_to_device
from trl.trainer.dpo_trainer import DataCollatorForPreference

from trainer.kernels.pair_collator import PairCollator
from trainer.kernels.pair_layout import PairLayout

Batch = dict[str, torch.Tensor]


def pair_rows(
    lengths: tuple[tuple[int, int, int], ...], num_common: int = 0
) -> list[dict[str, list[int]]]:
    """Token ids of random pairs; `lengths` are those of each one's prompt, chosen and rejected.

    All prompts begin with the same `num_common` tokens and differ in the next.
    """
    random = torch.Generator().manual_seed(1)

    def tokens(number: int) -> list[int]:
        return torch.randint(3, 98, (number,), generator=random).tolist()

    rows = []
    for number, (prompt, chosen, rejected) in enumerate(lengths):
        ids = tokens(prompt)
        ids[num_common : num_common + 1] = [3 + number]
        ids[:num_common] = range(50, 50 + num_common)
        rows.append(
            {"prompt_ids": ids, "chosen_ids": tokens(chosen), "rejected_ids": tokens(rejected)}
        )
    return rows


def pair_batch(
    lengths: tuple[tuple[int, int, int], ...], num_common: int = 0, device: str = "cpu"
) -> tuple[Batch, PairLayout]:
    """What TRL gives to a model for its loss on such pairs, and their layout."""
    collator = PairCollator(DataCollatorForPreference(pad_token_id=0))
    batch = send_to_device(collator(pair_rows(lengths, num_common)), device)
    layout = batch.pop("pair_layout")
    is_answer = batch.pop("completion_mask") == 1
    return {**batch, "labels": batch["input_ids"].masked_fill(~is_answer, -100)}, layout
