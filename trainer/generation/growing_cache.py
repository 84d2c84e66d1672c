"""A key/value cache that does not copy itself at every token.

transformers' dynamic cache concatenates, so each new token copies all keys and values. Here full
attention layers keep room at the end of their tensors; other kinds of layers stay as they are.
Written for transformers 5.23, as it relies on what its DynamicLayer does with `keys`, `values`,
`is_initialized` and `lazy_initialization`, and on a DynamicCache asking its `layers` for all.
"""

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

ROOM = 64  # columns that a full buffer grows by


class GrowingLayer(DynamicLayer):
    """`keys` and `values` are views on the filled part of two larger buffers.

    Shape of both: [rows, key/value heads, tokens, head size].
    """

    key_buffer: torch.Tensor
    value_buffer: torch.Tensor

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append the new tokens' keys and values; returns all of them, as views."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.key_buffer, self.value_buffer = key_states[:, :, :0], value_states[:, :, :0]
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if end > self.key_buffer.shape[-2]:
            self.key_buffer = _with_room(self.key_buffer[:, :, :start], end + ROOM)
            self.value_buffer = _with_room(self.value_buffer[:, :, :start], end + ROOM)
        self.key_buffer[:, :, start:end] = key_states
        self.value_buffer[:, :, start:end] = value_states
        self._show(end)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep these rows, in this order; a row may be taken several times."""
        end = self.get_seq_length()
        if end > 0:
            self.key_buffer = self.key_buffer.index_select(0, indices)
            self.value_buffer = self.value_buffer.index_select(0, indices)
            self._show(end)

    def _show(self, end: int) -> None:
        self.keys = self.key_buffer[:, :, :end]
        self.values = self.value_buffer[:, :, :end]


def growing_cache(config: Any) -> DynamicCache:
    """An empty cache for a model with this configuration."""
    cache = DynamicCache(config=config)
    # Sliding-window and state-space layers are of other classes, and bounded in size anyway.
    cache.layers = [
        GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers
    ]
    return cache


def _with_room(filled: torch.Tensor, num_columns: int) -> torch.Tensor:
    rows, heads, num_filled, size = filled.shape
    buffer = filled.new_empty(rows, heads, num_columns, size)
    buffer[:, :, :num_filled] = filled
    return buffer
