"""The estimate of a run's memory grows with the model and the batch."""

import shutil
from pathlib import Path

from safetensors.torch import load_file

from trainer.models.memory_estimate import BYTES_PER_UNIT, free_bytes, training_bytes
from trainer.options.presets import PRESETS
from trainer.options.training import RunOptions


def test_each_token_adds_its_share(tiny_base: Path) -> None:
    few, many = (training_bytes(tiny_base, count, RunOptions()) for count in (100, 1100))
    assert few is not None
    assert many is not None
    assert many - few == 1000 * 2 * 64 * BYTES_PER_UNIT  # two layers of 64 units


def test_a_model_without_a_configuration_has_no_estimate(tmp_path: Path) -> None:
    assert training_bytes(tmp_path, 100, RunOptions()) is None


def test_full_model_needs_sixteen_bytes_a_weight_and_four_more_for_a_second_model(
    tiny_base: Path,
) -> None:
    held = {"training": {"precompute_ref_log_probs": False}}
    adapter, full, with_second = (
        training_bytes(tiny_base, 100, options) or 0
        for options in (
            RunOptions(),
            PRESETS["full"],
            RunOptions.from_dict(held, defaults=PRESETS["full"]),
        )
    )
    file = tiny_base / "model.safetensors"
    num_weights = sum(weight.numel() for weight in load_file(file).values())
    assert full - adapter == 16 * num_weights - file.stat().st_size
    assert with_second - full == 4 * num_weights


def test_damaged_weights_have_no_estimate(tiny_base: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_base, tmp_path / "model"))
    (folder / "model.safetensors").write_bytes(b"12345678{")
    assert training_bytes(folder, 100, PRESETS["full"]) is None


def test_free_memory_is_what_linux_says(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n")
    assert free_bytes(meminfo) == 2048 * 1024
    assert free_bytes(tmp_path / "none") is None
