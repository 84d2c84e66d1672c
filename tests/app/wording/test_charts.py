import math
import re

from hypothesis import given, strategies as st

from app.wording.charts import HEIGHT, WIDTH, charts_markup, number, ticks, training_charts

CURVES = {
    "loss": [(1, 0.69), (2, 0.5), (3, 0.31)],
    "rewards/accuracies": [(1, 0.5), (3, 0.75)],
    "eval_rewards/accuracies": [(3, 0.7)],
    "rewards/margins": [(1, 0.0), (3, 1.5)],
    "rewards/chosen": [(1, 0.0), (3, -0.4)],
    "rewards/rejected": [(1, 0.0), (3, -1.9)],
}


def test_a_dpo_run_is_read_by_four_charts_with_their_last_values() -> None:
    markup = charts_markup(training_charts("dpo", CURVES))
    assert markup.count("<svg") == 4
    assert "held out last 70" in markup
    assert "0.693" in markup
    assert "rejected last −1.9" in markup


def test_a_chart_without_points_says_when_it_will_have_some() -> None:
    markup = charts_markup(training_charts("dpo", {}))
    assert "<svg" not in markup
    assert markup.count("first logged step") == 4


def test_the_drawing_stays_inside_its_frame() -> None:
    markup = charts_markup(training_charts("dpo", CURVES))
    lines = re.findall(r'points="([^"]+)"', markup)
    assert len(lines) == 6
    for point in " ".join(lines).split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


@given(
    low=st.floats(-1e4, 1e4),
    size=st.floats(1e-3, 1e4),
)
def test_ticks_are_few_round_and_inside(low: float, size: float) -> None:
    found = ticks(low, low + size)
    assert 1 <= len(found) <= 9
    assert all(low - 1e-6 * size <= tick <= low + size * (1 + 1e-6) for tick in found)


def test_numbers_are_short() -> None:
    assert number(math.pi) == "3.14"
    assert number(-0.5) == "−0.5"
    assert number(0.923, percent=True) == "92\u202f%"
