"""Tokens a second of PairTune's sampling loop beside transformers' generate, on the same batch.

By hand: `python tests/benchmarks/generation.py --data data`. Both draw two completions for each
prompt with the same options; the rounds alternate, so that a busy machine is unfair to neither.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from trainer.models import model_source
from trainer.options.generation import SamplingOptions

TOPICS = ("bread", "taxes", "cats", "gravity", "love", "Python", "the Roman Empire", "the moon")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder")
    parser.add_argument("--base", default=model_source.STARTER)
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.environ.update(model_source.worker_environment(arguments.base, arguments.data))
    ways = _ways(arguments)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, sample_all in ways.items():
            started = time.perf_counter()
            num_tokens = sample_all()
            rates[name].append(num_tokens / (time.perf_counter() - started))
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {arguments.base},"
    )
    print(f"{2 * arguments.prompts} rows, {arguments.new_tokens} new tokens, median of rounds")
    for name, values in rates.items():
        print(f"{name:32} {statistics.median(values):8.1f} tokens/s")


def _ways(arguments: argparse.Namespace) -> dict[str, Callable[[], int]]:
    import torch

    from trainer.generation.sampling import Batch, sample, stop_tokens
    from trainer.models.chat_template import encode_conversation
    from trainer.models.loading import load_model, load_tokenizer

    tokenizer = load_tokenizer(arguments.base, arguments.data)
    model: Any = load_model(arguments.base, arguments.data)
    length = arguments.new_tokens
    prompts = [
        encode_conversation(
            tokenizer,
            [
                {
                    "role": "user",
                    "content": f"Explain {TOPICS[i % len(TOPICS)]} in {i + 2} sentences.",
                }
            ],
            add_generation_prompt=True,
        )
        for i in range(arguments.prompts)
    ]
    batch = Batch(prompts, [[2 * i, 2 * i + 1] for i in range(len(prompts))])
    sampling = SamplingOptions(max_new_tokens=length)
    stop_ids = stop_tokens(model, tokenizer)

    def ours(stop: frozenset[int]) -> int:
        return sum(len(step) for step in sample(model, batch, sampling, stop_ids=stop))

    def theirs(min_new_tokens: int) -> int:
        widest = max(map(len, prompts))
        padded = [[0] * (widest - len(p)) + p for p in prompts for _ in range(2)]
        masks = [[0] * (widest - len(p)) + [1] * len(p) for p in prompts for _ in range(2)]
        output = model.generate(
            input_ids=torch.tensor(padded, device=model.device),
            attention_mask=torch.tensor(masks, device=model.device),
            do_sample=True,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=0,
            max_new_tokens=length,
            min_new_tokens=min_new_tokens,
        )[:, widest:]
        # A row's tokens up to its end token; what follows is padding.
        ended = torch.isin(output, torch.tensor(sorted(stop_ids), device=output.device)).long()
        return int((ended.cumsum(-1) - ended == 0).sum())

    return {
        "PairTune, rows of full length": lambda: ours(frozenset()),
        "generate, rows of full length": lambda: theirs(length),
        "PairTune, rows end by themselves": lambda: ours(stop_ids),
        "generate, rows end by themselves": lambda: theirs(0),
    }


if __name__ == "__main__":
    main()
