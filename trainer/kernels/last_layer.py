"""The last layer of a model, without the tokens whose output nobody asks for.

What a token gives after the last layer's attention is read by no other token. Where only some are
asked for, as the LM head asks for those that an answer's token is predicted from, the layer's
residual, output projection and feed-forward part are computed for those alone.
"""

from typing import Any

import torch

from trainer.private.transformers import DecoderLayer, last_decoder_layer


class LastLayer:
    """Hooks on a decoder layer of the usual build: norm, attention, all else after.

    A call with a `pair_layout` gives only the tokens that something is `predicted_from`.
    """

    def __init__(self, parts: DecoderLayer) -> None:
        self._parts = parts
        self._predicted_from: torch.Tensor | None = None
        self._all: torch.Tensor | None = None
        parts.layer.register_forward_pre_hook(self._enter, with_kwargs=True)
        parts.norm.register_forward_pre_hook(self._with_all_tokens)
        parts.attention_output.register_forward_pre_hook(self._with_asked_for_tokens)

    @classmethod
    def of(cls, model: torch.nn.Module) -> "LastLayer | None":
        """The last layer of a model without its head, or None where it is built otherwise."""
        parts = last_decoder_layer(model)
        return None if parts is None else cls(parts)

    def selects(self) -> bool:
        """Whether a call now leaves tokens out. Not under checkpointing, which calls it again."""
        return not self._parts.is_computed_again()

    def _enter(self, _: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Let the residual have the tokens that are asked for, and keep all for attention."""
        self._all = self._predicted_from = None  # what a call that has failed may have left
        layout = kwargs.get("pair_layout")
        if layout is None or not self.selects():
            return None
        self._all, self._predicted_from = args[0], layout.predicted_from
        return (self._all.index_select(1, self._predicted_from), *args[1:]), kwargs

    def _with_all_tokens(self, _: Any, args: Any) -> Any:
        """Of the norm before attention: its queries, keys and values are of all tokens."""
        everything, self._all = self._all, None
        return args if everything is None else (everything,)

    def _with_asked_for_tokens(self, _: Any, args: Any) -> Any:
        """Of what attention has mixed only the tokens that are asked for go on."""
        index, self._predicted_from = self._predicted_from, None
        return args if index is None else (args[0].index_select(1, index), *args[1:])
