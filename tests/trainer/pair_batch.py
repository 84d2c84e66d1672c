"""A batch of random pairs, for tests of what takes TRL's batches."""

import torch


def pair_batch(
    lengths: tuple[tuple[int, int, int], ...], num_common: int = 0, device: str = "cpu"
) -> dict[str, torch.Tensor]:
    """Random pairs of such lengths as TRL's collator gives them: chosen first, padded on the right.

    `lengths` are the numbers of tokens of each pair's prompt, chosen and rejected answer.
    All prompts begin with the same `num_common` tokens and differ in the next.
    """
    random = torch.Generator().manual_seed(1)

    def tokens(number: int) -> torch.Tensor:
        return torch.randint(3, 98, (number,), generator=random)

    prompts = [tokens(prompt) for prompt, _, _ in lengths]
    for number, prompt in enumerate(prompts):
        prompt[num_common : num_common + 1] = 3 + number
        prompt[:num_common] = torch.arange(50, 50 + num_common)
    rows = [(prompt, tokens(pair[1])) for prompt, pair in zip(prompts, lengths, strict=True)]
    rows += [(prompt, tokens(pair[2])) for prompt, pair in zip(prompts, lengths, strict=True)]
    longest = max(len(prompt) + len(answer) for prompt, answer in rows)
    input_ids = torch.zeros(len(rows), longest, dtype=torch.long)
    attention_mask, labels = torch.zeros_like(input_ids), torch.full_like(input_ids, -100)
    for row, (prompt, answer) in enumerate(rows):
        end = len(prompt) + len(answer)
        input_ids[row, :end] = torch.cat([prompt, answer])
        attention_mask[row, :end] = 1
        labels[row, len(prompt) : end] = answer
    batch = {"input_ids": input_ids, "attention_mask": attention_mask, "labels": labels}
    return {name: part.to(device) for name, part in batch.items()}
