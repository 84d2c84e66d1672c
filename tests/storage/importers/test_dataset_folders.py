"""Datasets in folders of this machine: what `datasets` has saved, and folders of files."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict
from hypothesis import HealthCheck, given, settings, strategies as st

from storage.errors import InputError
from storage.importers.importing import ImportOptions, Reading
from storage.importers.report import ImportReport
from storage.importers.sources.dataset_folders import folder_dataset
from storage.importers.sources.dataset_parts import Part
from tests.sample_files import hh_rlhf, jsonl

MESSAGES = [{"role": "user", "content": "Q"}]


def _rows(num_rows: int, first: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "prompt": MESSAGES,
            "chosen": [{"role": "assistant", "content": f"good {n}"}],
            "rejected": [{"role": "assistant", "content": "bad"}],
        }
        for n in range(first, first + num_rows)
    ]


def _read(folder: Path, part: Part | None = None) -> ImportReport:
    dataset = folder_dataset(str(folder))
    reading = Reading(dataset.name, dataset.files_of(part or Part()), ImportOptions("x"))
    for _ in reading.steps():
        pass
    return reading.report()


def test_what_datasets_has_saved_is_read_shard_by_shard(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    Dataset.from_list(_rows(70)).save_to_disk(folder, num_shards=3)
    assert len(list(folder.glob("*.arrow"))) == 3
    report = _read(folder)
    assert (report.num_rows, report.num_pairs, report.dropped) == (70, 70, {})
    texts = [item.text_a for item in report.examples if hasattr(item, "text_a")]
    assert texts == [f"good {n}" for n in range(5)]


def test_splits_that_datasets_has_saved_are_chosen_by_their_names(tmp_path: Path) -> None:
    saved = DatasetDict(
        late=Dataset.from_list(_rows(2)),
        train=Dataset.from_list(_rows(9)),
        test=Dataset.from_list(_rows(4)),
    )
    saved.save_to_disk(tmp_path / "saved")
    assert _read(tmp_path / "saved").num_pairs == 9
    assert _read(tmp_path / "saved", Part(split="test")).num_pairs == 4
    assert _read(tmp_path / "saved", Part(split="late")).num_pairs == 2
    assert _read(tmp_path / "saved" / "late").num_pairs == 2


def test_folder_of_files_is_read_by_its_card_and_names(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(hh_rlhf())
    (tmp_path / "test.jsonl").write_bytes(jsonl(_rows(3)))
    assert _read(tmp_path).num_pairs == 12
    assert _read(tmp_path, Part(split="test")).num_pairs == 3
    card = "---\nconfigs:\n- config_name: x\n  data_files: test.jsonl\n---\n# Card\n"
    (tmp_path / "README.md").write_text(card, "utf-8")
    assert _read(tmp_path).num_pairs == 3


@pytest.mark.parametrize(
    "card", ["---\na: [\n---\n", "---\n- 1\n---\n", "no yaml", "---\n\xff\n---"]
)
def test_damaged_card_leaves_it_to_the_names(tmp_path: Path, card: str) -> None:
    (tmp_path / "README.md").write_bytes(card.encode("latin-1"))
    (tmp_path / "rows.jsonl").write_bytes(hh_rlhf())
    assert _read(tmp_path).num_pairs == 12


def test_folder_without_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Q")
    with pytest.raises(InputError, match="holds no file of rows"):
        folder_dataset(str(tmp_path))


@pytest.mark.parametrize("name", ["", "relative/path", "~", "/nowhere/at/all", "/etc/hostname"])
def test_what_is_no_folder_of_this_machine_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="no whole path|There is no folder"):
        folder_dataset(name)


def test_missing_or_damaged_part_of_what_was_saved_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    Dataset.from_list(_rows(6)).save_to_disk(folder, num_shards=2)
    shard = folder / "data-00001-of-00002.arrow"
    shard.rename(tmp_path / "elsewhere.arrow")
    with pytest.raises(InputError, match=r"lacks its file 'data-00001-of-00002\.arrow'"):
        folder_dataset(str(folder))
    (folder / "state.json").write_text("{")
    with pytest.raises(InputError, match=r"state\.json cannot be read"):
        folder_dataset(str(folder))


@pytest.mark.parametrize("name", ["../secret.arrow", "/etc/passwd", "..\\secret.arrow", "a\0b", 7])
def test_file_that_a_saved_state_names_elsewhere_is_never_opened(tmp_path: Path, name: Any) -> None:
    (tmp_path / "secret.arrow").write_bytes(b"")
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    with pytest.raises(InputError, match="lacks its file"):
        folder_dataset(str(folder))
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": [name]}))
    with pytest.raises(InputError, match="lacks its file"):
        folder_dataset(str(folder))


def test_links_are_never_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "rows.jsonl").write_bytes(hh_rlhf())
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "rows.jsonl").symlink_to(secret / "rows.jsonl")
    (folder / "more").symlink_to(secret)
    with pytest.raises(InputError, match="holds no file of rows"):
        folder_dataset(str(folder))
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "rows.jsonl"}]}))
    with pytest.raises(InputError, match="lacks its file"):
        folder_dataset(str(folder))
    (tmp_path / "link").symlink_to(secret)
    with pytest.raises(InputError, match="leads through a link"):
        folder_dataset(str(tmp_path / "link"))


STEPS = ["..", ".", "%2e%2e", "\\..\\", "\0", "link", "folder", "", "rows.jsonl", "~", "…"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=5), is_absolute=st.booleans())
def test_no_way_of_writing_a_path_leads_out_of_the_folder_named(
    tmp_path: Path, steps: list[str], is_absolute: bool
) -> None:
    inside = tmp_path / "folder"
    inside.mkdir(exist_ok=True)
    (inside / "rows.jsonl").write_bytes(hh_rlhf())
    if not (tmp_path / "link").is_symlink():
        (tmp_path / "link").symlink_to("/etc")
    place = "/".join([str(tmp_path) if is_absolute else "folder", *steps])
    try:
        dataset = folder_dataset(place)
    except InputError:
        return
    [file] = dataset.files_of(Part())
    assert os.path.realpath(file.path) == str(inside / "rows.jsonl")  # type: ignore[attr-defined]
    assert ".." not in place


def test_folder_with_very_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.importers.sources.dataset_folders._MAX_ENTRIES", 3)
    for number in range(4):
        (tmp_path / f"{number}.jsonl").write_bytes(b"")
    with pytest.raises(InputError, match="holds more than 3 files"):
        folder_dataset(str(tmp_path))
