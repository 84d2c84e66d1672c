"""Small line charts as inline SVG, made on the server from numbers alone.

Colours are CSS variables, so one drawing serves light and dark. A chart takes a metric's points as
(step, value); it knows nothing of runs or Gradio.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.wording.hints import hint

WIDTH, HEIGHT = 420, 176
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 10, 24
COIN_FLIP_LOSS = math.log(2)  # the DPO loss of a policy that equals its reference

REWARD_ACCURACY = (
    "Reward accuracy",
    "In how many pairs the model prefers the chosen answer more than its reference does. "
    "50 % is chance. Held-out pairs were never trained on.",
)
REWARD_MODEL_ACCURACY = (
    "Accuracy",
    "In how many pairs the reward model scores the chosen answer higher. 50 % is chance. "
    "Held-out pairs were never trained on.",
)
TOKEN_ACCURACY = (
    "Token accuracy",
    "How often the model's likeliest next token is the one of the chosen answer.",
)

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Series:
    """One line: its name in the legend, its points, and its look (1 accent, 2 grey)."""

    name: str
    points: Points
    look: int = 1


@dataclass(frozen=True)
class Chart:
    """One chart: `reference` is a value drawn as a dashed line with its label."""

    title: str
    help_text: str
    series: tuple[Series, ...]
    reference: tuple[float, str] | None = None
    percent: bool = False
    bounds: tuple[float, float] | None = None


def training_charts(kind: str, curves: Mapping[str, Points]) -> list[Chart]:
    """The charts that a training run of this kind is read by."""
    compares = kind in ("dpo", "reward")
    loss = Chart(
        "Loss",
        "What training makes smaller. 0.693 is chance: no answer is preferred to the other yet."
        if compares
        else "What training makes smaller: how surprised the model is by the chosen answers.",
        _train_and_heldout(curves, "loss"),
        reference=(COIN_FLIP_LOSS, "0.693") if compares else None,
    )
    if kind == "reward":
        return [loss, _share(curves, "accuracy", *REWARD_MODEL_ACCURACY, chance=True)]
    if kind != "dpo":
        return [loss, _share(curves, "mean_token_accuracy", *TOKEN_ACCURACY)]
    accuracy = _share(curves, "rewards/accuracies", *REWARD_ACCURACY, chance=True)
    return [loss, accuracy, _margin(curves), _rewards(curves)]


def _train_and_heldout(curves: Mapping[str, Points], metric: str) -> tuple[Series, Series]:
    heldout = Series("held out", curves.get(f"eval_{metric}", ()), 2)
    return Series("train", curves.get(metric, ())), heldout


def _share(
    curves: Mapping[str, Points], metric: str, title: str, help_text: str, *, chance: bool = False
) -> Chart:
    """A share from 0 to 100 %, with the line of one half where that is chance."""
    return Chart(
        title,
        help_text,
        _train_and_heldout(curves, metric),
        reference=(0.5, "chance") if chance else None,
        percent=True,
        bounds=(0.0, 1.0),
    )


def _margin(curves: Mapping[str, Points]) -> Chart:
    return Chart(
        "Margin",
        "Reward of the chosen minus reward of the rejected answer. It should rise from 0.",
        _train_and_heldout(curves, "rewards/margins"),
        reference=(0.0, ""),
    )


def _rewards(curves: Mapping[str, Points]) -> Chart:
    return Chart(
        "Rewards",
        "beta times how much likelier an answer became than under the reference model. "
        "Below 0 for both is common; what counts is that chosen stays above rejected.",
        (
            Series("chosen", curves.get("rewards/chosen", ())),
            Series("rejected", curves.get("rewards/rejected", ()), 2),
        ),
        reference=(0.0, ""),
    )


def charts_markup(charts: Sequence[Chart]) -> str:
    """All charts as one grid."""
    return f'<div class="charts">{"".join(_figure(chart) for chart in charts)}</div>'


def _figure(chart: Chart) -> str:
    legend = "".join(
        f'<span class="key look-{series.look}">{series.name} '
        f"<b>{_last(series, chart.percent)}</b></span>"
        for series in chart.series
        if series.points
    )
    title = f'<span class="title">{chart.title}{hint(chart.help_text)}</span>'
    return f'<figure class="chart"><figcaption>{title}{legend}</figcaption>{_svg(chart)}</figure>'


def _svg(chart: Chart) -> str:
    points = [point for series in chart.series for point in series.points]
    if not points:
        return '<div class="chart-empty">Appears with the first logged step.</div>'
    frame = _Frame.around(chart, points)
    body = frame.axes(chart.percent)
    if chart.reference:
        body += frame.reference_line(*chart.reference)
    body += "".join(frame.line(series) for series in chart.series if series.points)
    described = "; ".join(
        f"{series.name} last {_last(series, chart.percent)}"
        for series in chart.series
        if series.points
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{chart.title}: {described}">'
        f"<title>{chart.title}: {described}</title>{body}</svg>"
    )


@dataclass(frozen=True)
class _Frame:
    """The mapping of steps and values to the drawing."""

    last_step: int
    low: float
    high: float

    @classmethod
    def around(cls, chart: Chart, points: Points) -> "_Frame":
        values = [value for _, value in points]
        if chart.reference:
            values.append(chart.reference[0])
        low, high = chart.bounds or (min(values), max(values))
        padding = 0.0 if chart.bounds else 0.08 * (high - low) or 0.1
        return cls(max(max(step for step, _ in points), 1), low - padding, high + padding)

    def x(self, step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / self.last_step

    def y(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - inside) / (self.high - self.low)

    def line(self, series: Series) -> str:
        path = " ".join(f"{self.x(step):.1f},{self.y(value):.1f}" for step, value in series.points)
        step, value = series.points[-1]
        return (
            f'<polyline class="line look-{series.look}" points="{path}"/>'
            f'<circle class="dot look-{series.look}" cx="{self.x(step):.1f}" '
            f'cy="{self.y(value):.1f}" r="3"/>'
        )

    def reference_line(self, value: float, label: str) -> str:
        y = self.y(value)
        text = (
            f'<text class="tick" x="{WIDTH - RIGHT}" y="{y - 4:.1f}" text-anchor="end">'
            f"{label}</text>"
        )
        return f'<path class="reference" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>{text}'

    def axes(self, percent: bool) -> str:
        marks = ""
        for tick in ticks(self.low, self.high):
            y = self.y(tick)
            marks += (
                f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
                f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                f"{number(tick, percent)}</text>"
            )
        bottom = HEIGHT - 6
        return marks + (
            f'<text class="tick" x="{LEFT}" y="{bottom}">0</text>'
            f'<text class="tick" x="{WIDTH - RIGHT}" y="{bottom}" text-anchor="end">'
            f"step {self.last_step}</text>"
        )


def ticks(low: float, high: float) -> list[float]:
    """Three to six round values (1, 2 or 5 times a power of ten apart) from low to high."""
    rough = (high - low) / 3
    power = 10.0 ** math.floor(math.log10(rough))
    distance = power * max(factor for factor in (1, 2, 5) if factor * power <= rough * 1.0001)
    first = math.ceil(low / distance - 1e-9)
    last = math.floor(high / distance + 1e-9)
    return [round(index * distance, 10) for index in range(first, last + 1)]


def number(value: float, percent: bool = False) -> str:
    """A value as short as it can be read: three significant digits, or whole percent."""
    if percent:
        return f"{value:.0%}".replace("%", "\u202f%")
    text = f"{value:.3g}"
    return text.replace("-", "−")


def _last(series: Series, percent: bool) -> str:
    return number(series.points[-1][1], percent)
