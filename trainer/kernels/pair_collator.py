"""TRL's batch of pairs, and beside it the same pairs laid out as one row (`pair_layout`).

Both are made on the host while a batch is put together, so that a forward pass finds them on the
device and never has to look into the batch.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trainer.kernels.pair_layout import lay_out

Batch = dict[str, Any]


class PairCollator:
    """Adds `pair_layout` to the batches of TRL's own collator, which its loss and metrics read.

    A batch that cannot be laid out is left as it is: it goes through TRL's own forward.
    """

    def __init__(self, trls: Callable[[list[Any]], Batch]) -> None:
        self._trls = trls

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> Batch:
        """The batch of rows that hold the token ids of a prompt and of both answers."""
        batch = self._trls(list(rows))
        pairs = [(row["prompt_ids"], row["chosen_ids"], row["rejected_ids"]) for row in rows]
        layout = lay_out(pairs, width=batch["input_ids"].shape[1])
        return batch if layout is None else {**batch, "pair_layout": layout}
