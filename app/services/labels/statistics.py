"""Numbers about the labels: verdicts, sides, labellers, win rates."""

from dataclasses import asdict, dataclass
from typing import Any

from app.services.context import Context
from app.services.labels.comparing import AdapterChoice, list_choices, verdict
from storage.labelling.statistics import VerdictCounts, verdict_counts
from trainer.evaluation.win_rate import WinRate, wilson_interval


@dataclass(frozen=True)
class Overview:
    """What the Statistics screen shows."""

    counts: VerdictCounts
    left_share: float | None
    left_interval: tuple[float, float] | None  # 95 % Wilson interval of the left share
    win_rates: list[tuple[AdapterChoice, WinRate]]


def overview(context: Context) -> Overview:
    """Count the active verdicts and summarise the votes on every adapter."""
    with context.database.read_scope() as session:
        counts = verdict_counts(session)
    left, decisive = counts.num_left, counts.num_decisive
    return Overview(
        counts=counts,
        left_share=left / decisive if decisive else None,
        left_interval=wilson_interval(left, decisive) if decisive else None,
        win_rates=[(choice, verdict(context, choice.id)) for choice in list_choices(context)],
    )


def to_json(found: Overview) -> dict[str, Any]:
    """The overview as plain JSON, for scripts."""
    return {
        **asdict(found.counts),
        "left_share": found.left_share,
        "left_interval": found.left_interval,
        "win_rates": [
            {"adapter_id": choice.id, "adapter": choice.label, **asdict(rate)}
            for choice, rate in found.win_rates
        ],
    }
