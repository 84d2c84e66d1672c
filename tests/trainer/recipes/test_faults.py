"""Training that meets a full disk, full memory or a learning rate that breaks the model."""

import contextlib
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.conftest import MakeRun, preference_rows
from trainer.__main__ import _ending_of
from trainer.errors import TrainerError, is_disk_full
from trainer.models import loading
from trainer.recipes import dpo
from trainer.runs.context import RunContext, RunFailed
from trainer.runs.event_log import EventWriter, read_events

pytestmark = pytest.mark.slow

FAST = {"learning_rate": 1e-2, "eval_steps": 0, "warmup_steps": 0, "max_steps": 6}


@contextlib.contextmanager
def _limited(kind: int, limit: int) -> Iterator[None]:
    """The kernel refuses more than `limit` bytes, of a file or of memory."""
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def _worker_with_largest_file(folder: Path, num_bytes: int) -> subprocess.CompletedProcess[str]:
    code = (
        "import resource, sys; from trainer.__main__ import main; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({num_bytes}, {num_bytes})); sys.exit(main())"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(folder), "--device", "cpu"],
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip


def _events(folder: Path) -> list[dict[str, Any]]:
    return read_events(folder, 0)[0]


def _again(context: RunContext) -> RunContext:
    return RunContext(
        context.folder, context.spec, context.data_folder, "cpu", EventWriter(context.folder)
    )


@pytest.mark.parametrize("loss", ["sigmoid", "ipo"])
def test_learning_rate_of_a_thousand_ends_with_an_adapter_that_loads(
    make_run: MakeRun, loss: str
) -> None:
    options = {**FAST, "learning_rate": 1000.0, "loss_type": loss, "max_steps": 40}
    context = make_run(1, "dpo", training=options)
    with pytest.raises(RunFailed, match="smaller learning rate") as failure:
        dpo.run(context)
    assert "step" in str(failure.value)
    assert failure.value.fields == {"adapter": "adapter"}
    folder = context.folder / "adapter"
    assert all(
        torch.isfinite(value).all() for value in load_file(folder / loading.WEIGHTS).values()
    )
    model = loading.load_model(context.spec.base, context.data_folder, device="cpu")
    loading.load_adapter(model, folder, name="tuned", base=context.spec.base)
    assert len([e for e in _events(context.folder) if "loss" in e.get("values", {})]) < 10


def test_full_disk_keeps_the_checkpoint_before_and_the_run_goes_on_from_it(
    make_run: MakeRun,
) -> None:
    context = make_run(1, "dpo", training={**FAST, "save_steps": 2})
    write = context.events.write
    with contextlib.ExitStack() as limits:

        def fill_up_after_step_three(event_type: str, **fields: Any) -> None:
            write(event_type, **fields)
            if event_type == "progress" and fields["step"] == 3:
                limits.enter_context(_limited(resource.RLIMIT_FSIZE, 20_000))

        context.events.write = fill_up_after_step_three  # type: ignore[method-assign]
        with pytest.raises(TrainerError) as failure:
            dpo.run(context)
    assert str(failure.value) == (
        "The checkpoint of step 4 could not be written: the disk is full. Free some space, then "
        "resume the run. It goes on from the checkpoint of step 2."
    )
    checkpoints = context.folder / "checkpoints"
    assert [path.name for path in checkpoints.glob("checkpoint-*")] == ["checkpoint-2"]
    assert dpo.run(_again(context))["steps"] == 6
    started = [e for e in _events(context.folder) if e["type"] == "started"]
    assert started[1]["resumed_from_step"] == 2


def test_full_disk_while_references_are_stored_is_put_in_words(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dpo, "MAX_TOKENS_TOGETHER", 1)  # so that each pair is stored by itself
    first, second = (make_run(n, "dpo", num_train=30, training=FAST) for n in (1, 2))
    write = first.events.write

    def write_with_room(event_type: str, **fields: Any) -> None:
        with _limited(resource.RLIMIT_FSIZE, resource.RLIM_INFINITY):
            write(event_type, **fields)

    first.events.write = write_with_room  # type: ignore[method-assign]
    with _limited(resource.RLIMIT_FSIZE, 1000):
        ending = _ending_of(first)
    assert ending.event == "failed"
    assert ending.fields["message"].startswith("The disk is full.")
    (stored,) = (first.data_folder / "cache" / "references").iterdir()
    num_stored = stored.stat().st_size // 52
    assert 0 < num_stored < 32
    assert dpo.run(second)["num_references_cached"] == num_stored


def test_full_disk_while_events_are_appended_ends_the_run_in_words(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", training={**FAST, "precompute_ref_log_probs": False})
    result = _worker_with_largest_file(context.folder, 3_000)
    assert result.returncode == 1
    assert "The disk is full" in result.stderr
    assert "could not be written down" in result.stderr
    assert all(event["seq"] == number for number, event in enumerate(_events(context.folder), 1))
    assert (context.folder / "events.jsonl").read_bytes().endswith(b"\n")
    assert dpo.run(_again(context))["steps"] == 6


def test_memory_that_is_really_full_gives_advice(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", training={**FAST, "max_length": 16_384})
    rows = preference_rows(8)
    for row in rows:
        for side in ("chosen", "rejected"):
            row[side][0]["content"] *= 20_000 // len(row[side][0]["content"])
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (context.folder / "train.jsonl").write_text(lines)
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    with (
        _limited(resource.RLIMIT_AS, mapped + 100_000_000),
        pytest.raises(TrainerError, match="The memory is full. Try per_device_train_batch_size 2"),
    ):
        dpo.run(context)


def test_only_want_of_room_counts_as_a_full_disk(tmp_path: Path) -> None:
    with _limited(resource.RLIMIT_FSIZE, 1000):
        for save in (
            lambda: (tmp_path / "text").write_bytes(bytes(2000)),
            lambda: torch.save(torch.zeros(2000), tmp_path / "tensor"),
        ):
            with pytest.raises(Exception) as failure:  # noqa: PT011 - the library's own
                save()
            assert is_disk_full(failure.value), failure.value
    assert not is_disk_full(FileNotFoundError(2, "No such file"))
