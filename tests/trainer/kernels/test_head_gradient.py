"""Gradients of the LM head's weights, against those that autograd finds through all logits."""

import pytest
import torch

from trainer.kernels.token_scores import CHUNK_TOKENS, TokenScores

NUM_TOKENS, WIDTH, VOCABULARY = CHUNK_TOKENS + 100, 32, 5000


def _gradients(log_probs: torch.Tensor, weights: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    coming_in = torch.linspace(-1, 2, len(log_probs))
    return torch.autograd.grad((log_probs * coming_in).sum(), weights)


def _given(*, bias: bool) -> tuple[torch.Tensor, torch.nn.Linear, torch.Tensor]:
    torch.manual_seed(0)
    head = torch.nn.Linear(WIDTH, VOCABULARY, bias=bias)
    hidden = torch.randn(NUM_TOKENS, WIDTH, requires_grad=True)
    return hidden, head, torch.randint(0, VOCABULARY, (NUM_TOKENS,))


@pytest.mark.parametrize("bias", [False, True])
def test_trained_head_gets_the_gradient_of_all_its_logits(bias: bool) -> None:
    hidden, head, targets = _given(bias=bias)
    weights = [hidden, *head.parameters()]
    found = _gradients(TokenScores.compute(hidden, head, targets).log_probs, weights)
    scores = torch.log_softmax(head(hidden), dim=-1).gather(1, targets[:, None])[:, 0]
    expected = _gradients(scores, weights)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_gradient_stays_float32_where_autocast_computes_in_16_bits() -> None:
    hidden, head, targets = _given(bias=False)
    exact = _gradients(TokenScores.compute(hidden, head, targets).log_probs, [head.weight])[0]
    with torch.autocast("cpu", torch.bfloat16):
        log_probs = TokenScores.compute(hidden, head, targets).log_probs
    (found,) = _gradients(log_probs, [head.weight])
    assert found.dtype is torch.float32
    assert (found - exact).norm() / exact.norm() < 0.01


def test_frozen_head_gets_none() -> None:
    hidden, head, targets = _given(bias=True)
    head.requires_grad_(False)
    TokenScores.compute(hidden, head, targets).log_probs.sum().backward()
    assert hidden.grad is not None
    assert head.weight.grad is None
    assert head.bias.grad is None
