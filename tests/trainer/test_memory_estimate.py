"""The estimate of a run's memory grows with the model and the batch."""

from pathlib import Path

from trainer.memory_estimate import BYTES_PER_UNIT, free_bytes, training_bytes


def test_each_token_adds_its_share(tiny_base: Path) -> None:
    few, many = training_bytes(tiny_base, 100), training_bytes(tiny_base, 1100)
    assert few is not None
    assert many is not None
    assert many - few == 1000 * 2 * 64 * BYTES_PER_UNIT  # two layers of 64 units


def test_a_model_without_a_configuration_has_no_estimate(tmp_path: Path) -> None:
    assert training_bytes(tmp_path, 100) is None


def test_free_memory_is_what_linux_says(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n")
    assert free_bytes(meminfo) == 2048 * 1024
    assert free_bytes(tmp_path / "none") is None
