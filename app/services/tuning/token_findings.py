"""What the pre-flight says of the pairs in tokens: the longest, what is cut, the chat template."""

from dataclasses import dataclass, field

from app.services.tuning.training_data import DataSummary, TokenisedSample
from trainer.recipes.tokens import cut

CHARACTERS_PER_TOKEN = 4  # English prose in a 32k-49k vocabulary; only said as "about"


@dataclass(frozen=True)
class TokenFindings:
    """Sentences for a person; with `problems` the run would fail."""

    facts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def token_findings(
    data: DataSummary, sample: TokenisedSample | None, max_length: int
) -> TokenFindings:
    """Judge the training pairs as the model reads them, or by their characters without `sample`.

    Numbers are exact when the sample holds all training pairs.
    """
    if sample is None:
        return _by_characters(data, max_length)
    if sample.problem:
        return TokenFindings(problems=[sample.problem])
    whole = len(data.sample) == data.counts.train
    name = "Training pairs" if whole else f"Of {len(data.sample):,} training pairs, those"
    _, fit = cut(sample.pairs, max_length)
    warnings = [fit.warning(max_length, name)]
    if not sample.prompt_stays:
        warnings.append(
            "The model's chat template writes a prompt differently once it is answered, so the "
            "model trains on other text than it is asked with. Look at its answers on the "
            "Compare tab, or choose another model."
        )
    longest = max((pair.num_tokens() for pair in sample.pairs), default=0)
    of = "" if whole else f" of {len(data.sample):,} that were counted"
    problems = (
        [] if fit.num_dropped < len(sample.pairs) or not whole else [_all_dropped(max_length)]
    )
    return TokenFindings(
        [f"Longest pair{of} {longest:,} tokens."],
        [sentence for sentence in warnings if sentence],
        problems,
    )


def _all_dropped(max_length: int) -> str:
    return (
        f"Every prompt alone fills max_length ({max_length} tokens), so nothing is left to train "
        "on. Make max_length larger."
    )


def _by_characters(data: DataSummary, max_length: int) -> TokenFindings:
    longest = data.longest_characters // CHARACTERS_PER_TOKEN
    facts = [f"Longest pair about {longest:,} tokens."]
    if longest <= max_length:
        return TokenFindings(facts)
    return TokenFindings(facts, [
        f"The longest pairs will probably be cut to max_length ({max_length} tokens). "
        "A larger max_length keeps them whole and needs more memory.",
    ])  # fmt: skip
