"""Attention in one kernel for the whole row gives what products block by block give."""

import logging
from collections.abc import Callable

import pytest
import torch
from torch.nn.attention.flex_attention import create_mask, flex_attention

from tests.trainer.pair_batch import pair_batch
from trainer.kernels import row_attention
from trainer.kernels.pair_attention import pair_attention
from trainer.kernels.pair_layout import PairLayout

NUM_HEADS, NUM_KEY_HEADS, DIM = 4, 2, 16
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def every_mask(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test with and without a common beginning, and with and without a window."""
    common = pytest.mark.parametrize("num_common", [0, 3], ids=["alone", "common"])
    return common(pytest.mark.parametrize("window", [None, 4], ids=["full", "window"])(test))


def _layout(num_common: int) -> PairLayout:
    return pair_batch(((5, 4, 7), (9, 12, 2), (4, 1, 9)), num_common)[1]


def _states(layout: PairLayout) -> list[torch.Tensor]:
    torch.manual_seed(0)
    num_tokens = layout.input_ids.shape[1]
    return [
        torch.randn(1, heads, num_tokens, DIM, requires_grad=True)
        for heads in (NUM_HEADS, NUM_KEY_HEADS, NUM_KEY_HEADS)
    ]


def _by_blocks(layout: PairLayout, window: int | None, states: list[torch.Tensor]) -> torch.Tensor:
    module = torch.nn.Module().eval()
    mixed, _ = pair_attention(
        module, *states, None, scaling=0.3, pair_layout=layout, sliding_window=window
    )
    return mixed


@every_mask
def test_dense_kernel_gives_the_same_values_and_gradients(
    num_common: int, window: int | None
) -> None:
    layout = _layout(num_common)
    states = _states(layout)
    expected = _by_blocks(layout, window, states)
    found = row_attention.row_attention(tuple(states), layout, window, scale=0.3)
    torch.testing.assert_close(found, expected, **CLOSE)
    incoming = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad(found, states, incoming),
        torch.autograd.grad(expected, states, incoming),
        strict=True,
    ):
        torch.testing.assert_close(one, other, **CLOSE)


@every_mask
def test_flexible_kernel_gives_the_same_values(num_common: int, window: int | None) -> None:
    # On a CPU it has no way back, and none is compiled; test_shared_prefix goes back on a GPU.
    layout = _layout(num_common)
    states = [part.detach() for part in _states(layout)]
    expected = _by_blocks(layout, window, states)
    blocks = row_attention.block_mask(layout, window)
    found = flex_attention(*states, block_mask=blocks, scale=0.3, enable_gqa=True)
    torch.testing.assert_close(found.transpose(1, 2), expected, **CLOSE)


@every_mask
def test_blocks_dense_and_flexible_masks_say_the_same(num_common: int, window: int | None) -> None:
    layout = _layout(num_common)
    num_tokens = layout.input_ids.shape[1]
    dense = row_attention.dense_mask(layout, window, like=torch.zeros(1))[0, 0] == 0
    assert 0 < dense.sum() < num_tokens**2 / 2
    of_blocks = torch.zeros_like(dense)
    places = torch.cat([torch.arange(part.start, part.stop) for part in layout.seen])
    for block in layout.blocks(window, like=torch.zeros(1)):
        of_blocks[block.queries].index_add_(1, places[block.keys], block.mask == 0)
    assert torch.equal(of_blocks, dense)
    one_by_one = create_mask(layout.can_see(window), None, None, num_tokens, num_tokens, "cpu")
    assert torch.equal(one_by_one[0, 0], dense)


@every_mask
def test_dropped_attention_is_the_usual_one_on_average(num_common: int, window: int | None) -> None:
    layout = _layout(num_common)
    states = [part.detach() for part in _states(layout)]
    expected = _by_blocks(layout, window, states)
    module = torch.nn.Module().train()
    drawn = [
        pair_attention(
            module, *states, None,
            scaling=0.3, dropout=0.2, pair_layout=layout, sliding_window=window,
        )[0]
        for _ in range(600)
    ]  # fmt: skip
    assert not torch.equal(drawn[0], drawn[1])
    difference = torch.stack(drawn).mean(dim=0) - expected
    assert difference.norm() < 0.1 * expected.norm()


def test_kernel_that_does_not_compile_is_logged_with_its_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert not row_attention._can_compile(16, torch.int8)  # which has no gradients
    assert "FlexAttention does not compile for heads of width 16 in torch.int8" in caplog.text
    assert "Error(" in caplog.text
