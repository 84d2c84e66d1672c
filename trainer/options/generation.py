"""Options of sampling and of a generate run. Light: never imports torch."""

from dataclasses import dataclass
from typing import Any

from trainer.options.fields import OptionGroup, option

MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class SamplingOptions(OptionGroup):
    """How tokens are drawn from the model's distribution."""

    temperature: float = option(
        0.9, "Higher answers differ more; 0 always takes the likeliest token.", least=0, most=5
    )
    top_p: float = option(
        0.95,
        "Draw only from the likeliest tokens that together have this probability.",
        over=0,
        most=1,
    )
    max_new_tokens: int = option(
        256, "An answer is cut off after this many.", unit="tokens", least=1, most=32768
    )
    seed: int = option(
        0, "The same seed and options give the same answers.", least=0, most=MAX_SEED
    )
    repetition_penalty: float = option(
        1.0,
        "Divides the scores of tokens already used; 1 changes nothing.",
        advanced=True,
        least=0.5,
        most=5,
    )


@dataclass(frozen=True)
class GenerationOptions(OptionGroup):
    """How a generate run goes about its prompts."""

    batch_size: int = option(
        16,
        "Prompts worked on at a time; two answers are sampled for each.",
        unit="prompts",
        least=1,
        most=1024,
    )
    max_attempts: int = option(
        3,
        "How often an answer that cannot be used is sampled before its pair is given up.",
        least=1,
        most=20,
    )
    keep_cut_off: bool = option(
        False, "Keep answers that were cut off at max_new_tokens.", advanced=True
    )


@dataclass(frozen=True)
class GenerateOptions(OptionGroup):
    """All options of a generate run, in the groups of its `run.json`."""

    sampling: SamplingOptions = SamplingOptions()
    generation: GenerationOptions = GenerationOptions()
    quantization: dict[str, Any] | None = None  # as bitsandbytes names them; None: unquantised

    def contradictions(self) -> list[str]:
        """Two answers to a prompt that cannot differ."""
        if self.sampling.temperature != 0:
            return []
        return [
            "temperature 0 gives two equal answers to every prompt, so there is nothing to "
            "choose from. Take a temperature over 0, for example 0.9."
        ]
