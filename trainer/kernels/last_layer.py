"""The last layer of a model, without the tokens whose output nobody asks for.

What a token gives after the last layer's attention is read by no other token. Where only some are
asked for, as the LM head asks for those that an answer's token is predicted from, the layer's
residual, output projection and feed-forward part are computed for those alone.
"""

from typing import Any

import torch


class LastLayer:
    """Hooks on a decoder layer of the usual build: norm, attention with `o_proj`, all else after.

    A call with a `pair_layout` gives only the tokens that something is `predicted_from`.
    """

    def __init__(self, layer: torch.nn.Module) -> None:
        self._layer = layer
        self._wanted: torch.Tensor | None = None
        self._all: torch.Tensor | None = None
        layer.register_forward_pre_hook(self._enter, with_kwargs=True)
        layer.input_layernorm.register_forward_pre_hook(self._give_all)
        layer.self_attn.o_proj.register_forward_pre_hook(self._give_wanted)

    @classmethod
    def of(cls, model: torch.nn.Module) -> "LastLayer | None":
        """The last layer of a model without its head, or None where it is built otherwise."""
        layers: Any = getattr(model, "layers", None)
        try:
            for part in ("input_layernorm", "self_attn.o_proj"):
                layers[-1].get_submodule(part)
        except (AttributeError, TypeError):
            return None
        return cls(layers[-1])

    def selects(self) -> bool:
        """Whether a call now leaves tokens out. Not under checkpointing, which calls it again."""
        layer = self._layer
        return not (layer.training and getattr(layer, "gradient_checkpointing", False))

    def _enter(self, _: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        self._all = self._wanted = None  # what a call that has failed may have left
        layout = kwargs.get("pair_layout")
        if layout is None or not self.selects():
            return None
        self._all, self._wanted = args[0], layout.predicted_from
        return (self._all.index_select(1, self._wanted), *args[1:]), kwargs

    def _give_all(self, _: Any, args: Any) -> Any:
        everything, self._all = self._all, None
        return args if everything is None else (everything,)

    def _give_wanted(self, _: Any, args: Any) -> Any:
        wanted, self._wanted = self._wanted, None
        return args if wanted is None else (args[0].index_select(1, wanted), *args[1:])
