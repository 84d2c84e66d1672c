"""The card that travels with an adapter."""

from datetime import date
from typing import Any

from tests.trainer.conftest import MakeRun
from trainer.exporting.card import CardFacts, curves_table, model_card
from trainer.recipes import sft
from trainer.runs.manifest import check_manifest


def _metrics(step: int, **values: float) -> dict[str, Any]:
    return {"type": "metrics", "step": step, "values": values}


def test_long_curve_is_sampled_with_both_ends() -> None:
    table = curves_table([_metrics(step, loss=1 / step) for step in range(1, 101)])
    steps = [int(line.split("|")[1]) for line in table.splitlines()[2:]]
    assert steps == [1, 12, 23, 34, 45, 56, 67, 78, 89, 100]
    assert table.splitlines()[-1] == "| 100 | 0.0100 |"


def test_values_of_one_step_share_a_row_and_gaps_stay_empty() -> None:
    table = curves_table([_metrics(1, loss=0.5), _metrics(2, loss=0.25), _metrics(2, eval_loss=1)])
    assert table.splitlines() == [
        "| step | loss | eval_loss |",
        "| ---: | ---: | ---: |",
        "| 1 | 0.5000 |  |",
        "| 2 | 0.2500 | 1.0000 |",
    ]


def test_card_tells_data_options_and_how_to_load() -> None:
    facts = CardFacts(
        base="someone/model",
        name="model",
        kind="dpo",
        num_train=40,
        num_heldout=7,
        snapshot="sha256:ab",
        parent_adapter="runs/0001-sft/adapter",
        options={"training": {"beta": 0.1}, "quantization": None},
        events=[],
        day=date(2026, 1, 2),
    )
    card = model_card(facts)
    assert card.startswith("---\nbase_model: someone/model\n")
    for part in (
        "40 pairs trained it, and 7 pairs",
        "`sha256:ab`",
        "`runs/0001-sft/adapter`",
        "2026-01-02",
        "| training | beta | `0.1` |",
        "AutoPeftModelForCausalLM.from_pretrained",
    ):
        assert part in card


def test_saved_adapter_holds_its_card_within_the_manifest(make_run: MakeRun) -> None:
    context = make_run(1, "sft", num_train=4, training={"max_steps": 1, "eval_steps": 0})
    sft.run(context)
    folder = context.folder / "adapter"
    assert "README.md" in check_manifest(folder)["files"]
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "4 pairs trained it, and 2 pairs" in card
    assert "| step | loss | eval_loss |" in card
