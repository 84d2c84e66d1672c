"""The manifest of what a run has trained."""

from pathlib import Path

import pytest

from trainer.errors import TrainerError
from trainer.runs.manifest import check_manifest, write_manifest


def test_manifest_names_the_file_that_was_changed(tmp_path: Path) -> None:
    (tmp_path / "adapter_model.safetensors").write_bytes(b"weights")
    write_manifest(tmp_path, {"base_model": "starter"})
    assert check_manifest(tmp_path)["base_model"] == "starter"
    (tmp_path / "adapter_model.safetensors").write_bytes(b"weighty")
    with pytest.raises(TrainerError, match=r"adapter_model\.safetensors is damaged"):
        check_manifest(tmp_path)
    (tmp_path / "adapter_model.safetensors").unlink()
    with pytest.raises(TrainerError, match=r"adapter_model\.safetensors is missing"):
        check_manifest(tmp_path)
