"""Rounds of full models: what the policy goes on from, and what it is held to."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.conftest import MakeRun, preference_rows
from trainer.errors import TrainerError
from trainer.exporting import export
from trainer.models import loading
from trainer.models.chat_template import encode_conversation
from trainer.recipes import dpo, sft
from trainer.runs import run_folder
from trainer.runs.context import RunContext
from trainer.runs.event_log import EventWriter, read_events
from trainer.runs.manifest import check_manifest
from trainer.runs.run_folder import RunSpec

pytestmark = pytest.mark.slow

FIRST_ROUND = "runs/0001-sft/model"
OPTIONS = {"learning_rate": 1e-3, "max_steps": 3, "eval_steps": 0, "warmup_steps": 0}


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "pick_dtype", lambda device: torch.float32)


def _curve(context: RunContext, name: str) -> list[float]:
    events, _ = read_events(context.folder, 0)
    return [e["values"][name] for e in events if name in e.get("values", {})]


def _started(context: RunContext) -> dict[str, Any]:
    return read_events(context.folder, 0)[0][0]


def _log_prob_gap(folder: Path, data_folder: Path, row: dict[str, Any]) -> float:
    """log p(chosen) - log p(rejected), by the model's plain forward."""
    model = loading.load_model(str(folder), data_folder, device="cpu", dtype="float32")
    tokenizer = loading.load_tokenizer(str(folder), data_folder)
    prompt = encode_conversation(tokenizer, row["prompt"], add_generation_prompt=True)
    found = []
    for side in ("chosen", "rejected"):
        ids = encode_conversation(tokenizer, row["prompt"] + row[side], add_generation_prompt=False)
        with torch.no_grad():
            scores = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        found.append(sum(float(scores[i - 1, ids[i]]) for i in range(len(prompt), len(ids))))
    return found[0] - found[1]


@pytest.mark.parametrize("precompute", [True, False])
def test_dpo_after_sft_is_held_to_the_sft_model(make_run: MakeRun, precompute: bool) -> None:
    first = make_run(1, "sft", lora=None, training={**OPTIONS, "max_steps": 6})
    sft.run(first)
    options = {**OPTIONS, "precompute_ref_log_probs": precompute}
    second = make_run(2, "dpo", adapter=FIRST_ROUND, lora=None, training=options, stopping=None)
    dpo.run(second)
    assert _curve(second, "loss")[0] == pytest.approx(math.log(2), abs=1e-5)
    assert _curve(second, "rewards/margins")[0] == pytest.approx(0, abs=1e-5)
    assert _curve(second, "loss")[-1] < 0.69
    assert _started(second)["reference"] == FIRST_ROUND
    manifest = check_manifest(second.folder / "model")
    assert manifest["parent_adapter"] == FIRST_ROUND
    assert manifest["base_model"] == first.spec.base


@pytest.mark.parametrize("precompute", [True, False])
def test_second_round_can_be_held_to_the_base(make_run: MakeRun, precompute: bool) -> None:
    first = make_run(1, "sft", num_train=4, lora=None, training={**OPTIONS, "max_steps": 6})
    sft.run(first)
    options = {**OPTIONS, "reference": "base", "precompute_ref_log_probs": precompute}
    second = make_run(
        2, "dpo", num_train=4, adapter=FIRST_ROUND, lora=None, training=options, stopping=None
    )
    dpo.run(second)
    tuned, base = first.folder / "model", Path(first.spec.base)
    margins = [
        0.1 * (_log_prob_gap(tuned, first.data_folder, row)
               - _log_prob_gap(base, first.data_folder, row))
        for row in preference_rows(4)
    ]  # fmt: skip
    expected = sum(math.log1p(math.exp(-margin)) for margin in margins) / len(margins)
    assert abs(expected - math.log(2)) > 0.01
    assert _curve(second, "loss")[0] == pytest.approx(expected, abs=1e-5)
    assert _started(second)["reference"] == "base model"


def test_base_that_has_given_the_references_leaves_memory(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    sft.run(make_run(1, "sft", lora=None, training=OPTIONS))
    loaded = []
    load = dpo.load_reference
    monkeypatch.setattr(
        dpo, "load_reference", lambda *given: loaded.append(load(*given)) or loaded[-1]
    )
    options = {**OPTIONS, "reference": "base"}
    dpo.run(make_run(2, "dpo", adapter=FIRST_ROUND, lora=None, training=options))
    assert all(weight.is_meta for weight in loaded[0].parameters())


def test_references_are_stored_for_the_next_run(make_run: MakeRun) -> None:
    sft.run(make_run(1, "sft", lora=None, training=OPTIONS))
    runs = [
        make_run(number, "dpo", adapter=FIRST_ROUND, lora=None, training=OPTIONS)
        for number in (2, 3)
    ]
    assert [dpo.run(run)["num_references_computed"] for run in runs] == [10, 0]


def test_adapter_and_full_model_do_not_go_on_from_each_other(make_run: MakeRun) -> None:
    sft.run(make_run(1, "sft", lora=None, training=OPTIONS))
    with pytest.raises(TrainerError, match="take that model as the base model"):
        dpo.run(make_run(2, "dpo", adapter=FIRST_ROUND, training=OPTIONS))
    sft.run(make_run(3, "sft", training=OPTIONS))
    with pytest.raises(TrainerError, match="Export it merged and take that as the base model"):
        dpo.run(make_run(4, "dpo", adapter="runs/0003-sft/adapter", lora=None, training=OPTIONS))


def test_adapter_is_trained_on_a_full_model_as_its_base(make_run: MakeRun) -> None:
    first = make_run(1, "sft", lora=None, training=OPTIONS)
    sft.run(first)
    second = make_run(2, "dpo", base=first.folder / "model", training=OPTIONS, stopping=None)
    dpo.run(second)
    assert _curve(second, "loss")[-1] < _curve(second, "loss")[0]
    assert (second.folder / "adapter").is_dir()


def test_damaged_model_is_refused(make_run: MakeRun) -> None:
    first = make_run(1, "sft", lora=None, training=OPTIONS)
    sft.run(first)
    weights = first.folder / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(TrainerError, match=r"model\.safetensors is damaged"):
        dpo.run(make_run(2, "dpo", adapter=FIRST_ROUND, lora=None, training=OPTIONS))


def test_export_rounds_the_model_and_keeps_its_card(make_run: MakeRun) -> None:
    first = make_run(1, "sft", lora=None, training=OPTIONS)
    sft.run(first)
    folder = first.data_folder / "runs" / "0002-export"
    spec = RunSpec(2, "export", first.spec.base, FIRST_ROUND, {"target": "merged"})
    run_folder.create(folder, spec, {})
    export.run(RunContext(folder, spec, first.data_folder, "cpu", EventWriter(folder)))
    trained = load_file(first.folder / "model" / "model.safetensors")
    exported = load_file(folder / "model" / "model.safetensors")
    assert exported.keys() == trained.keys()
    assert all(torch.equal(exported[name], trained[name].half()) for name in trained)
    assert (folder / "model" / "README.md").is_file()
