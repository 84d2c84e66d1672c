"""A run that goes on from an adapter, and what it is held to; runs that go on from a checkpoint."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.log_probabilities import differences
from tests.trainer.conftest import MakeRun, preference_rows
from trainer.models import loading
from trainer.recipes import dpo, sft
from trainer.runs.context import RunContext
from trainer.runs.event_log import EventWriter, read_events

pytestmark = pytest.mark.slow

FIRST_ROUND = "runs/0001-sft/adapter"
OPTIONS = {"learning_rate": 1e-2, "max_steps": 1, "eval_steps": 0, "warmup_steps": 0}


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "pick_dtype", lambda device: torch.float32)


def _curve(folder: Path, name: str) -> list[float]:
    events, _ = read_events(folder, 0)
    return [e["values"][name] for e in events if name in e.get("values", {})]


def _started(folder: Path) -> dict[str, Any]:
    return read_events(folder, 0)[0][0]


@pytest.mark.parametrize("precompute", [True, False])
def test_second_round_can_be_held_to_the_base(make_run: MakeRun, precompute: bool) -> None:
    first = make_run(1, "sft", num_train=4, training={**OPTIONS, "max_steps": 4})
    sft.run(first)
    options = {**OPTIONS, "reference": "base", "precompute_ref_log_probs": precompute}
    second = make_run(2, "dpo", num_train=4, adapter=FIRST_ROUND, training=options)
    dpo.run(second)

    rows = preference_rows(4)
    adapter = second.data_folder / FIRST_ROUND
    tuned, base = differences(second.data_folder, second.spec.base, adapter, rows)
    margins = [0.1 * (one - other) for one, other in zip(tuned, base, strict=True)]
    expected = sum(math.log1p(math.exp(-margin)) for margin in margins) / len(margins)
    assert abs(expected - math.log(2)) > 0.01
    assert _curve(second.folder, "loss")[0] == pytest.approx(expected, abs=1e-5)
    assert _curve(second.folder, "rewards/margins")[0] == pytest.approx(sum(margins) / 4, abs=1e-5)
    assert _started(second.folder)["reference"] == "base model"


def test_in_16_bits_too_a_round_starts_where_its_reference_stands(
    make_run: MakeRun, converted_starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of an adapter that has learnt little, other ways to add it lose the most to rounding.
    monkeypatch.setattr(loading, "pick_dtype", lambda device: torch.bfloat16)
    base = converted_starter / "models" / "starter"
    options = {"max_steps": 4, "eval_steps": 0, "save_steps": 0}
    sft.run(make_run(1, "sft", base=base, training=options))
    second = make_run(2, "dpo", base=base, adapter=FIRST_ROUND, training=options)
    dpo.run(second)
    # Some processors give a row other last digits beside other rows; computed otherwise it is 0.24.
    assert abs(_curve(second.folder, "rewards/chosen")[0]) < 0.05
    assert _curve(second.folder, "loss")[0] == pytest.approx(math.log(2), abs=0.03)


def test_both_references_share_a_cache_without_mixing(make_run: MakeRun) -> None:
    sft.run(make_run(1, "sft", num_train=4, training=OPTIONS))
    computed = {}
    for run_id, reference in enumerate(("start", "base", "base"), start=2):
        options = {**OPTIONS, "reference": reference}
        context = make_run(run_id, "dpo", num_train=4, adapter=FIRST_ROUND, training=options)
        computed[run_id] = dpo.run(context)["num_references_computed"]
    assert computed == {2: 6, 3: 6, 4: 0}
    assert _started(context.data_folder / "runs/0002-dpo")["reference"] == FIRST_ROUND


def test_weight_of_the_sft_term_scales_it_alone(make_run: MakeRun) -> None:
    losses = {}
    for run_id, weight in enumerate((1.0, 0.5), start=1):
        options = {**OPTIONS, "loss_type": "sigmoid+sft", "sft_weight": weight}
        context = make_run(run_id, "dpo", num_train=4, training=options)
        dpo.run(context)
        losses[weight] = _curve(context.folder, "loss")[0]
    sft_term = losses[1.0] - math.log(2)
    assert sft_term > 1
    assert losses[0.5] == pytest.approx(math.log(2) + 0.5 * sft_term, abs=1e-5)


def test_count_of_tokens_goes_on_from_a_step_that_was_not_logged(make_run: MakeRun) -> None:
    options = {**OPTIONS, "max_steps": 6, "logging_steps": 3, "save_steps": 2}
    whole, stopped = (make_run(run_id, "dpo", training=options) for run_id in (1, 2))
    dpo.run(whole)

    write = stopped.events.write

    def fail_at_step_five(event_type: str, **fields: Any) -> None:
        if fields.get("step") == 5:
            raise OSError("Broken.")
        write(event_type, **fields)

    stopped.events.write = fail_at_step_five  # type: ignore[method-assign]
    with pytest.raises(OSError, match="Broken"):
        dpo.run(stopped)
    again = RunContext(
        stopped.folder, stopped.spec, stopped.data_folder, "cpu", EventWriter(stopped.folder)
    )
    dpo.run(again)
    events, _ = read_events(stopped.folder, 0)
    assert [e["resumed_from_step"] for e in events if e["type"] == "started"] == [0, 4]
    assert _curve(stopped.folder, "num_tokens") == _curve(whole.folder, "num_tokens")
