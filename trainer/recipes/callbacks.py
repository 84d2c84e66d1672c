"""Writes down how training goes, and ends it when asked or when enough is learnt."""

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from transformers import TrainerCallback

from trainer.options.groups import StoppingOptions
from trainer.recipes.ranks import any_rank
from trainer.runs.context import RunContext

_LEFT_OUT = ("_runtime", "_per_second", "total_flos")


class RunCallback(TrainerCallback):
    """Writes `metrics` and `progress` events; knows why training ended."""

    def __init__(self, context: RunContext, stopping: StoppingOptions | None) -> None:
        self.cancelled = False
        self.stopped_early: str | None = None
        self.metrics: dict[str, float] = {}  # the last value of each
        self.evaluated_at: int | None = None
        self._context = context
        self._stopping = stopping
        window = stopping.num_steps if stopping else 1
        self._accuracies: deque[float] = deque(maxlen=window)
        self._margins: deque[float] = deque(maxlen=window)
        self._started_at = 0.0
        self._first_step = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock for the time left; a resumed run remembers its last steps."""
        self._started_at = time.monotonic()
        self._first_step = state.global_step
        for values in state.log_history:
            self._remember(values)
        self._progress(state)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Write one line of the curves, under TRL's own names."""
        if "train_runtime" in logs:  # the closing summary, not a point of the curves
            return
        values = {
            name: float(value)
            for name, value in logs.items()
            if isinstance(value, int | float) and not name.endswith(_LEFT_OUT)
        }
        self._context.events.write("metrics", step=state.global_step, values=values)
        self.metrics.update(values)
        if self._remember(values) and self._has_learnt_enough():
            control.should_training_stop = True

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Remember the step, so that the last one is not measured twice."""
        self.evaluated_at = state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Write progress; end with a checkpoint when a stop was asked for."""
        self._progress(state)
        if any_rank(self._context.stop_asked()):
            self.cancelled = True
            control.should_training_stop = True
            control.should_save = True

    def _remember(self, values: Mapping[str, float]) -> bool:
        """Take in what the rule for stopping looks at; False when these values have none of it."""
        if "rewards/margins" not in values:
            return False
        self._accuracies.append(values["rewards/accuracies"])
        self._margins.append(values["rewards/margins"])
        return True

    def _has_learnt_enough(self) -> bool:
        rule = self._stopping
        if rule is None or len(self._margins) < rule.num_steps:
            return False
        accuracy = sum(self._accuracies) / rule.num_steps
        margin = sum(self._margins) / rule.num_steps
        if accuracy < rule.rewards_accuracies or margin < rule.rewards_margins:
            return False
        self.stopped_early = (
            f"Learnt enough: over the last {rule.num_steps} steps the reward accuracy was "
            f"{accuracy:.2f} and the margin {margin:.2f}. More steps would wear the model down."
        )
        return True

    def _progress(self, state: Any) -> None:
        num_done = state.global_step - self._first_step
        per_step = (time.monotonic() - self._started_at) / num_done if num_done else None
        left = state.max_steps - state.global_step
        self._context.events.write(
            "progress",
            done=state.global_step,
            total=state.max_steps,
            step=state.global_step,
            eta_seconds=None if per_step is None else round(per_step * left, 1),
            phase="training",
        )
