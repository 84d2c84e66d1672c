"""SFT runs on a two-layer model."""

from dataclasses import replace

import pytest

from tests.trainer.conftest import MakeRun
from trainer.recipes import sft, training
from trainer.recipes.policy import load_policy
from trainer.runs.event_log import read_events
from trainer.runs.manifest import check_manifest

pytestmark = pytest.mark.slow

FAST = {"learning_rate": 1e-2, "num_train_epochs": 3.0, "eval_steps": 0}


def test_run_learns_the_chosen_answers(make_run: MakeRun) -> None:
    context = make_run(1, "sft", training=FAST)
    summary = sft.run(context)
    events, _ = read_events(context.folder, 0)
    losses = [e["values"]["loss"] for e in events if "loss" in e.get("values", {})]
    assert losses[-1] < losses[0]
    assert summary["steps"] == 6
    assert "eval_loss" in summary["metrics"]
    assert check_manifest(context.folder / "adapter")["kind"] == "sft"


def test_loss_is_on_the_answer_alone(make_run: MakeRun) -> None:
    context = make_run(1, "sft", training=FAST)
    setup = training.prepare(context)
    model, lora = load_policy(context, setup.options)
    trainer = sft.AnswerTrainer(
        model=model,
        args=sft.SFTConfig(**training.trainer_arguments(setup)),
        **training.datasets(replace(setup, train=setup.train[:1]), sft._row),
        processing_class=setup.tokenizer,
        peft_config=lora,
    )
    (batch,) = trainer.get_train_dataloader()
    learnt = batch["input_ids"][batch["labels"] != -100]
    assert setup.tokenizer.decode(learnt) == "0<|im_end|>\n"


def test_rejected_answers_are_not_used(make_run: MakeRun) -> None:
    context = make_run(1, "sft", training=FAST)
    setup = training.prepare(context)
    rows = training.datasets(setup, sft._row)["train_dataset"]
    assert all("sir" not in setup.tokenizer.decode(row["input_ids"]) for row in rows)
