"""Which files a model name stands for."""

import shutil
from pathlib import Path

import pytest

from trainer.errors import TrainerError
from trainer.models import model_source


def test_complete_local_model_passes(tiny_base: Path, tmp_path: Path) -> None:
    model_source.check_model(str(tiny_base), data_folder=tmp_path)
    assert model_source.location(str(tiny_base), tmp_path) == str(tiny_base)
    assert not model_source.is_on_hub(str(tiny_base), tmp_path)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("config.json", "lacks config.json"),
        ("tokenizer.json", "lacks a tokenizer"),
        ("model.safetensors", "lacks weights"),
        ("chat_template.jinja", "no chat template"),
    ],
)
def test_incomplete_local_model_is_refused_with_what_it_lacks(
    tiny_base: Path, tmp_path: Path, file: str, reason: str
) -> None:
    copy = shutil.copytree(tiny_base, tmp_path / "copy")
    (copy / file).unlink()
    with pytest.raises(TrainerError, match=reason):
        model_source.check_model(str(copy), data_folder=tmp_path)


def test_missing_weight_shard_is_named(tiny_base: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_base, tmp_path / "copy")
    (copy / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}'
    )
    with pytest.raises(TrainerError, match=r"lacks the weight files model-2\.safetensors"):
        model_source.check_model(str(copy), data_folder=tmp_path)


@pytest.mark.parametrize("name", ["/no/such/folder", "../gone", "a/b/c"])
def test_missing_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="no model folder"):
        model_source.check_model(name, data_folder=tmp_path)


@pytest.mark.parametrize("name", ["", "two words", "owner/name?", "-x/y"])
def test_name_that_is_neither_folder_nor_hub_id_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="neither a folder nor a hub id"):
        model_source.check_model(name, data_folder=tmp_path)


def test_starter_without_its_files_comes_from_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_source, "STARTER_PACKAGE", "no_such_package")
    assert model_source.is_on_hub("starter", tmp_path)
    assert model_source.location("starter", tmp_path) == model_source.STARTER_HUB_ID
    assert "HF_HUB_OFFLINE" not in model_source.worker_environment("starter", tmp_path)
    model_source.starter_folder(tmp_path).mkdir(parents=True)
    assert not model_source.is_on_hub("starter", tmp_path)
    assert model_source.worker_environment("starter", tmp_path)["HF_HUB_OFFLINE"] == "1"


def test_screen_names_are_short() -> None:
    assert model_source.describe("starter") == "SmolLM2-135M-Instruct"
    assert model_source.describe("Qwen/Qwen3-0.6B") == "Qwen3-0.6B"
    assert model_source.describe("/models/mine/") == "mine"


def test_content_of_a_local_model_is_its_weights_and_configuration(
    tiny_base: Path, tmp_path: Path
) -> None:
    files = model_source.content_files(str(tiny_base), tmp_path)
    assert [file.name for file in files] == ["config.json", "model.safetensors"]


def test_content_of_a_hub_model_is_what_was_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert model_source.content_files("someone/model", tmp_path) == []

    cached = tmp_path / "models--someone--model"
    snapshot = cached / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    for name in ("config.json", "model-00001.safetensors", "vocab.json"):
        (snapshot / name).touch()
    files = model_source.content_files("someone/model", tmp_path)
    assert files == [snapshot / "config.json", snapshot / "model-00001.safetensors"]
