"""The run kind `generate`, on a tiny model and once on the starter model."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.generation.tiny_adapter import save_tiny_adapter
from tests.trainer.tiny_model import save_full_model, save_tiny_model
from tests.waiting import wait_until
from trainer.errors import RunFolderError, TrainerError
from trainer.generation.generate import run
from trainer.runs import launch, run_folder
from trainer.runs.context import Cancelled, RunContext
from trainer.runs.event_log import EventWriter, read_events
from trainer.runs.lock import ask_to_stop, forget_stop
from trainer.runs.run_folder import RunSpec

KEEP_ALL: dict[str, Any] = {
    "sampling": {"max_new_tokens": 12},
    "generation": {"batch_size": 3, "keep_cut_off": True},
}
TEXTS = ["Hi", "How are you today?", "水的沸点是多少？", "Name a colour.", "Why is the sky blue?"]
PROMPTS = [
    {"prompt_id": number, "messages": [{"role": "user", "content": text}]}
    for number, text in enumerate(TEXTS, start=11)
]


class Runs:
    """Makes generate runs in one data folder."""

    def __init__(self, home: Path, base: str) -> None:
        self.home, self.base = home, base

    def create(
        self,
        options: dict[str, Any],
        *,
        prompts: list[dict[str, Any]] = PROMPTS,
        adapter: str | None = None,
    ) -> RunContext:
        number = len(list((self.home / "runs").iterdir())) + 1
        folder = self.home / "runs" / run_folder.folder_name(number, "generate")
        spec = RunSpec(number, "generate", self.base, adapter, options)
        run_folder.create(folder, spec, {"prompts.jsonl": prompts})
        return RunContext(folder, spec, self.home, "cpu", EventWriter(folder))


@pytest.fixture
def runs(home: Path, tiny_base: Path) -> Runs:
    return Runs(home, str(tiny_base))


def events_of(context: RunContext, event_type: str) -> list[dict[str, Any]]:
    events, _ = read_events(context.folder, 0)
    return [event for event in events if event["type"] == event_type]


def pairs_of(context: RunContext) -> dict[int, tuple[str, str]]:
    return {
        event["prompt_id"]: (event["a"]["text"], event["b"]["text"])
        for event in events_of(context, "pair")
    }


def test_every_prompt_gets_a_pair_of_two_different_answers(runs: Runs) -> None:
    context = runs.create(KEEP_ALL)
    summary = run(context)
    pairs = pairs_of(context)
    assert sorted(pairs) == [11, 12, 13, 14, 15]
    assert all(a != b for a, b in pairs.values())
    assert summary["pairs"] == 5
    assert sum(summary["dropped"].values()) == 0
    assert summary["tokens_per_second"] > 0
    for event in events_of(context, "pair"):
        for side in ("a", "b"):
            assert 0 < event[side]["num_tokens"] <= 12
            assert event[side]["finish_reason"] in ("stop", "length")
        assert event["a"]["seed"] != event["b"]["seed"]


def test_progress_ends_with_everything_done(runs: Runs) -> None:
    context = runs.create(KEEP_ALL)
    run(context)
    assert events_of(context, "started")[0]["num_prompts"] == 5
    last = events_of(context, "progress")[-1]
    assert (last["done"], last["total"], last["eta_seconds"]) == (5, 5, 0)


def test_another_seed_gives_other_pairs(runs: Runs) -> None:
    first = runs.create(KEEP_ALL)
    second = runs.create({**KEEP_ALL, "sampling": {"max_new_tokens": 12, "seed": 1}})
    run(first)
    run(second)
    assert all(pairs_of(first)[number] != pairs_of(second)[number] for number in pairs_of(first))


def test_cut_off_answers_are_resampled_then_dropped_and_counted(runs: Runs) -> None:
    context = runs.create({"sampling": {"max_new_tokens": 1}, "generation": {"max_attempts": 3}})
    summary = run(context)
    num_kept = sum(
        event[side]["num_tokens"] > 0 for event in events_of(context, "pair") for side in ("a", "b")
    )
    assert num_kept == 0  # what ends within one token is empty, and everything else is cut off
    assert summary["pairs"] == 0
    assert summary["dropped"]["cut_off"] + summary["dropped"]["empty"] == 5
    assert summary["resampled"] == 5 * 2 * 2
    assert events_of(context, "progress")[-1]["done"] == 5


def test_identical_answers_are_resampled_then_dropped_and_counted(runs: Runs) -> None:
    always_the_likeliest = {"max_new_tokens": 4, "temperature": 1e-6}
    context = runs.create({**KEEP_ALL, "sampling": always_the_likeliest})
    summary = run(context)
    assert summary["pairs"] == 0
    assert summary["dropped"]["identical"] == 5
    assert summary["resampled"] == 5 * 2  # only the second answer is sampled again


def test_too_long_prompt_is_left_out_with_a_warning(runs: Runs) -> None:
    long = {"prompt_id": 99, "messages": [{"role": "user", "content": "long " * 200}]}
    context = runs.create(KEEP_ALL, prompts=[*PROMPTS[:1], long])
    summary = run(context)
    warning = events_of(context, "warning")[0]
    assert warning["prompt_ids"] == [99]
    assert "500 tokens" in warning["message"]  # 512 of the model, less 12 for the answer
    assert summary["dropped"]["too_long"] == 1
    assert list(pairs_of(context)) == [11]


def test_stopped_run_keeps_its_pairs_and_goes_on_with_the_others(runs: Runs) -> None:
    """The stop comes with the first pair, through the folder as the server does it."""
    context = runs.create({**KEEP_ALL, "generation": {"batch_size": 1, "keep_cut_off": True}})
    write = context.events.write

    def write_and_stop(event_type: str, **fields: Any) -> None:
        write(event_type, **fields)
        if event_type == "pair":
            ask_to_stop(context.folder)

    context.events.write = write_and_stop  # type: ignore[method-assign]
    with pytest.raises(Cancelled) as stopped:
        run(context)
    kept = pairs_of(context)
    assert len(kept) == 1
    assert stopped.value.fields["summary"]["pairs"] == 1

    forget_stop(context.folder)
    again = RunContext(
        context.folder, context.spec, context.data_folder, "cpu", EventWriter(context.folder)
    )
    summary = run(again)
    assert summary["pairs"] == 5
    assert len(events_of(context, "pair")) == 5  # none twice
    assert kept.items() <= pairs_of(context).items()
    assert events_of(context, "started")[-1]["num_pairs_before"] == 1
    whole = runs.create({**KEEP_ALL, "generation": {"batch_size": 1, "keep_cut_off": True}})
    run(whole)
    assert pairs_of(whole) == pairs_of(context)


def test_adapter_changes_the_answers(runs: Runs, tiny_base: Path) -> None:
    save_tiny_adapter(runs.home / "adapters" / "one", tiny_base)
    plain, tuned = runs.create(KEEP_ALL), runs.create(KEEP_ALL, adapter="adapters/one")
    run(plain)
    run(tuned)
    assert all(pairs_of(plain)[number] != pairs_of(tuned)[number] for number in pairs_of(plain))


def test_whole_model_that_was_trained_answers_itself(runs: Runs, tiny_base: Path) -> None:
    model = save_full_model(runs.home / "runs" / "0001-dpo" / "model", tiny_base)
    tuned = runs.create(KEEP_ALL, adapter="runs/0001-dpo/model")
    as_base = Runs(runs.home, str(model)).create(KEEP_ALL)
    run(tuned)
    run(as_base)
    assert pairs_of(tuned) == pairs_of(as_base)


def test_quantized_base_generates(home: Path, tmp_path: Path) -> None:
    base = save_tiny_model(tmp_path / "wider", hidden_size=64)  # 4-bit blocks hold 64 weights
    options = {**KEEP_ALL, "quantization": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}}
    context = Runs(home, str(base)).create(options, prompts=PROMPTS[:1])
    assert run(context)["pairs"] == 1


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": "no number"}]},
        {"prompt_id": 11, "messages": [{"role": "user", "content": "number taken"}]},
        {"prompt_id": 1, "messages": "Hi"},
        {"prompt_id": 1, "messages": [{"role": "user"}]},
    ],
)
def test_wrong_row_of_prompts_is_named(runs: Runs, row: dict[str, Any]) -> None:
    context = runs.create(KEEP_ALL, prompts=[PROMPTS[0], row])
    with pytest.raises(RunFolderError, match="line 2"):
        run(context)


def test_wrong_options_end_the_run_before_the_model_is_loaded(runs: Runs) -> None:
    context = runs.create({"sampling": {"temperature": -1}})
    with pytest.raises(TrainerError, match="temperature is -1"):
        run(context)
    assert events_of(context, "started") == []


@pytest.mark.starter
def test_starter_pairs_come_while_it_runs_and_survive_a_kill(data_folder: Path) -> None:
    """A real worker: killed after its first pairs, it goes on with the missing prompts only."""
    (data_folder / "runs").mkdir()
    topics = ["bread", "the moon", "cats", "taxes", "rain", "trains"]
    prompts = [
        {"prompt_id": n, "messages": [{"role": "user", "content": f"What is {t}? Be short."}]}
        for n, t in enumerate(topics)
    ]
    options = {
        "sampling": {"max_new_tokens": 48},
        "generation": {"batch_size": 2, "keep_cut_off": True},
    }
    context = Runs(data_folder, "starter").create(options, prompts=prompts)
    pid = launch.start(context.folder, device="cpu")
    wait_until(lambda: pairs_of(context), what="the first pair", timeout=180)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not launch.is_alive(context.folder), what="the end of the killed worker")
    before = pairs_of(context)
    assert 0 < len(before) < 6

    launch.start(context.folder, device="cpu")
    wait_until(lambda: events_of(context, "finished"), what="the end of the run", timeout=240)
    assert len(events_of(context, "pair")) == len(pairs_of(context)) == 6
    assert before.items() <= pairs_of(context).items()
    assert events_of(context, "finished")[0]["summary"]["pairs"] == 6
