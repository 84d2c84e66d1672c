"""Reference log-probabilities are computed once for each pair and reference model."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.conftest import MakeRun
from trainer.recipes import dpo, reference_cache, sft
from trainer.recipes.reference_cache import (
    LogProbs,
    Reference,
    ReferenceCache,
    pair_key,
    weights_hash,
)
from trainer.recipes.tokens import PairTokens
from trainer.runs.context import Cancelled
from trainer.runs.event_log import read_events
from trainer.runs.lock import ask_to_stop, forget_stop

REFERENCE = Reference("00", adapter=None, quantization=None, dtype="bfloat16", device="cpu")
ONE_STEP = {"max_steps": 1, "eval_steps": 0}


def _key(number: int) -> bytes:
    return pair_key(PairTokens([number], [1], [2]))


def _file(folder: Path) -> Path:
    (path,) = (folder / "references").iterdir()
    return path


def test_values_are_found_again_as_exactly_as_they_were(tmp_path: Path) -> None:
    values = LogProbs(-12.345678901234567, -1e-300)
    ReferenceCache(tmp_path, REFERENCE).add({_key(1): values})
    cache = ReferenceCache(tmp_path, REFERENCE)
    assert cache.get(_key(1)) == values
    assert cache.get(_key(2)) is None


@pytest.mark.parametrize(
    "change",
    [{"base": "01"}, {"adapter": "02"}, {"quantization": {"load_in_4bit": True}},
     {"dtype": "float32"}, {"device": "cuda"}],
)  # fmt: skip
def test_another_reference_model_has_its_own_values(tmp_path: Path, change: dict[str, Any]) -> None:
    ReferenceCache(tmp_path, REFERENCE).add({_key(1): LogProbs(-1.0, -2.0)})
    assert ReferenceCache(tmp_path, replace(REFERENCE, **change)).get(_key(1)) is None


def test_key_is_made_of_the_tokens_and_where_they_part() -> None:
    pairs = [
        PairTokens([1], [2, 3], [4]),
        PairTokens([1, 2], [3], [4]),
        PairTokens([1], [2], [3, 4]),
        PairTokens([12], [3], [4]),
    ]
    assert len({pair_key(pair) for pair in pairs}) == len(pairs)
    assert pair_key(pairs[0].within(2)) == pair_key(PairTokens([1], [2], [4]))
    assert pair_key(pairs[0].within(3)) == pair_key(pairs[0])


def test_part_of_a_record_left_by_a_killed_worker_is_cut_off(tmp_path: Path) -> None:
    cache = ReferenceCache(tmp_path, REFERENCE)
    cache.add({_key(n): LogProbs(-n, -n) for n in range(3)})
    whole = _file(tmp_path).stat().st_size
    os.truncate(_file(tmp_path), whole - 7)

    after = ReferenceCache(tmp_path, REFERENCE)
    assert [after.get(_key(n)) is not None for n in range(3)] == [True, True, False]
    after.add({_key(2): LogProbs(-2, -2), _key(3): LogProbs(-3, -3)})
    again = ReferenceCache(tmp_path, REFERENCE)
    assert [again.get(_key(n)) for n in range(4)] == [LogProbs(-n, -n) for n in range(4)]


def test_damaged_record_is_overlooked_and_the_others_stay(tmp_path: Path) -> None:
    ReferenceCache(tmp_path, REFERENCE).add({_key(n): LogProbs(-n, -n) for n in range(3)})
    content = bytearray(_file(tmp_path).read_bytes())
    content[len(content) // 2] ^= 1
    _file(tmp_path).write_bytes(content)
    cache = ReferenceCache(tmp_path, REFERENCE)
    assert [cache.get(_key(n)) is not None for n in range(3)] == [True, False, True]


def test_value_that_is_no_number_is_not_stored(tmp_path: Path) -> None:
    ReferenceCache(tmp_path, REFERENCE).add({_key(1): LogProbs(float("nan"), -1.0)})
    assert ReferenceCache(tmp_path, REFERENCE).get(_key(1)) is None


def test_several_writers_lose_nothing(tmp_path: Path) -> None:
    def write(writer: int) -> None:
        cache = ReferenceCache(tmp_path, REFERENCE)
        for number in range(50):
            key = 1000 * writer + number
            cache.add({_key(key): LogProbs(-key, -1.0)})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    cache = ReferenceCache(tmp_path, REFERENCE)
    keys = [1000 * writer + number for writer in range(4) for number in range(50)]
    assert [cache.get(_key(key)) for key in keys] == [LogProbs(-key, -1.0) for key in keys]


def test_weights_are_read_again_only_after_a_change(tmp_path: Path) -> None:
    memory, weights = tmp_path / "cache" / "weights.json", tmp_path / "model.safetensors"
    weights.write_bytes(b"one")
    first = weights_hash([weights], memory)
    assert weights_hash([weights], memory) == first

    status = weights.stat()
    weights.write_bytes(b"two")
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert weights_hash([weights], memory) == first, "size and time are as remembered"
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert weights_hash([weights], memory) != first

    memory.write_text("{half")
    assert weights_hash([weights], memory) != first


def _counts(summary: dict[str, Any]) -> tuple[int, int]:
    return summary["num_references_computed"], summary["num_references_cached"]


@pytest.mark.slow
def test_second_run_computes_only_the_new_pairs(make_run: MakeRun) -> None:
    # Two held-out pairs follow the training pairs: of 8 + 2 and 11 + 2 pairs 10 are the same.
    assert _counts(dpo.run(make_run(1, "dpo", training=ONE_STEP))) == (10, 0)
    again = make_run(2, "dpo", training=ONE_STEP)
    assert _counts(dpo.run(again)) == (0, 10)
    assert _counts(dpo.run(make_run(3, "dpo", num_train=11, training=ONE_STEP))) == (3, 10)
    phases = [
        event["phase"] for event in read_events(again.folder, 0)[0] if event["type"] == "progress"
    ]
    assert "reference" not in phases


@pytest.mark.slow
def test_cut_pairs_another_adapter_and_four_bits_are_computed_anew(make_run: MakeRun) -> None:
    dpo.run(make_run(1, "dpo", training=ONE_STEP))
    cut = make_run(2, "dpo", training={**ONE_STEP, "max_length": 40})
    assert _counts(dpo.run(cut)) == (10, 0)
    four_bit = make_run(3, "dpo", training=ONE_STEP, quantization={})
    assert _counts(dpo.run(four_bit)) == (10, 0)

    sft.run(make_run(4, "sft", training=ONE_STEP))
    further = {"adapter": "runs/0004-sft/adapter", "training": ONE_STEP}
    assert _counts(dpo.run(make_run(5, "dpo", **further))) == (10, 0)
    assert _counts(dpo.run(make_run(6, "dpo", **further))) == (0, 10)


@pytest.mark.slow
def test_equal_pairs_are_computed_once(make_run: MakeRun) -> None:
    context = make_run(1, "dpo", training=ONE_STEP)
    train = context.folder / "train.jsonl"
    train.write_text(train.read_text() * 2)
    assert _counts(dpo.run(context)) == (10, 8)


@pytest.mark.slow
def test_pass_that_was_stopped_in_the_middle_goes_on_where_it_was(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dpo, "MAX_TOKENS_TOGETHER", 1)  # so that each pair is a batch of its own
    context = make_run(1, "dpo", training=ONE_STEP)
    ask_to_stop(context.folder)  # seen after the first batch
    with pytest.raises(Cancelled):
        dpo.run(context)
    forget_stop(context.folder)
    assert _counts(dpo.run(context)) == (9, 1)


@pytest.mark.slow
def test_values_do_not_depend_on_the_pairs_beside_them(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = dpo.run(make_run(1, "dpo", training=ONE_STEP))
    context = make_run(2, "dpo", training=ONE_STEP)
    (stored,) = (context.data_folder / "cache" / "references").iterdir()
    together = _stored(stored)
    stored.unlink()
    monkeypatch.setattr(dpo, "MAX_TOKENS_TOGETHER", 1)
    dpo.run(context)
    alone = _stored(stored)
    assert first["num_references_computed"] == len(alone) == 10
    for key, values in together.items():
        assert alone[key] == pytest.approx(values, abs=1e-4)


def _stored(path: Path) -> dict[bytes, LogProbs]:
    return dict(reference_cache._records(path))
