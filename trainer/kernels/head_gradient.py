"""The gradient of given tokens' log-probabilities by the LM head's weights, for `token_scores`."""

import torch

CHUNK_VOCABULARY = 2048  # float32 logits of 512 tokens are 4 MiB


def head_gradient(
    gradient: torch.Tensor,
    hidden: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    *of_tokens: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Gradients of the head's `weight` (V, H) and `bias` (V,), in their own type.

    With z = W h + b and log p[y] = z[y] - log Σ exp z it is Σ_n g_n (1[v = y_n] - p_n[v]) h_n, for
    the incoming `gradient` g (N,) and `hidden` h (N, H); `of_tokens` are the targets y (N,) and
    their log Σ exp z (N,). The probabilities are computed again, slice by slice of the vocabulary,
    instead of being kept; sums are float32.
    """
    targets, log_totals = of_tokens
    of_weight = weight.new_zeros(weight.shape, dtype=torch.float32)
    of_bias = weight.new_zeros(len(weight), dtype=torch.float32)
    for start in range(0, len(weight), CHUNK_VOCABULARY):
        part = slice(start, start + CHUNK_VOCABULARY)
        offset = None if bias is None else bias[part].to(hidden.dtype)
        logits = torch.nn.functional.linear(hidden, weight[part].to(hidden.dtype), offset)
        shares = (logits.float() - log_totals[:, None]).exp_().mul_(-gradient[:, None])
        of_weight[part] = shares.to(hidden.dtype).T @ hidden
        of_bias[part] = shares.sum(dim=0)
    of_weight.index_add_(0, targets, gradient[:, None] * hidden.float())
    of_bias.index_add_(0, targets, gradient)
    return of_weight.to(weight.dtype), None if bias is None else of_bias.to(bias.dtype)
