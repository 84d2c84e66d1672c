"""Which files make up a dataset: by its card's configs, else by the usual names."""

from typing import Any

import pytest

from storage.errors import InputError
from storage.importers.sources.dataset_parts import Dataset, Part, Parts, parts_of

ALL = "default"


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["pairs.jsonl"], {ALL: {"train": ["pairs.jsonl"]}}),
        (
            ["test.jsonl.gz", "train.jsonl.gz", "README.md", "state.json", ".hidden/train.jsonl"],
            {ALL: {"train": ["train.jsonl.gz"], "test": ["test.jsonl.gz"]}},
        ),
        (
            ["data/test_sft-00000-of-00001.parquet", "data/train_prefs-00000-of-00001-ab.parquet"],
            {
                ALL: {
                    "test_sft": ["data/test_sft-00000-of-00001.parquet"],
                    "train_prefs": ["data/train_prefs-00000-of-00001-ab.parquet"],
                }
            },
        ),
        (
            ["train/a.csv", "train/b.csv", "dev/a.csv", "notes.csv"],
            {ALL: {"train": ["train/a.csv", "train/b.csv"], "validation": ["dev/a.csv"]}},
        ),
        (
            ["my_train_file.json", "evaluation-2.json", "trainer.json", "strain.json"],
            {ALL: {"train": ["my_train_file.json"], "test": ["evaluation-2.json"]}},
        ),
        # The same rows in several kinds are read once, from the kind that is preferred.
        (["a.parquet", "a.jsonl", "a.csv"], {ALL: {"train": ["a.parquet"]}}),
        (["a.JSONL.zst", "a.arrow"], {ALL: {"train": ["a.JSONL.zst"]}}),
        (
            ["harmless/test.jsonl", "harmless/train.jsonl", "helpful/train.jsonl"],
            {
                ALL: {
                    "train": ["harmless/train.jsonl", "helpful/train.jsonl"],
                    "test": ["harmless/test.jsonl"],
                },
                "harmless": {"train": ["harmless/train.jsonl"], "test": ["harmless/test.jsonl"]},
                "helpful": {"train": ["helpful/train.jsonl"]},
            },
        ),
        (["README.md", "picture.png", "script.py", "config.json"], {}),
    ],
)
def test_names_of_files_and_folders_tell_the_splits(names: list[str], parts: Parts) -> None:
    found = parts_of(names)
    assert found == parts
    assert [list(splits) for splits in found.values()] == [list(s) for s in parts.values()]


FILES = ["a/train.json", "a/b/one.json", "a/b/two.json", "a/test.json", "other.csv"]


@pytest.mark.parametrize(
    ("configs", "parts"),
    [
        ([{"data_files": "other.csv"}], {ALL: {"train": ["other.csv"]}}),
        (
            [{"config_name": "x", "data_files": [{"split": "dev", "path": ["a/b/*", "no"]}]}],
            {"x": {"dev": ["a/b/one.json", "a/b/two.json"]}},
        ),
        (
            [{"config_name": "x", "data_files": {"late": "**/two.json"}}, {"config_name": "y"}],
            {"x": {"late": ["a/b/two.json"]}},
        ),
        ([{"config_name": "x", "data_dir": "./a/b"}], {}),
        (
            [{"config_name": "x", "data_dir": "a"}],
            {"x": {"train": ["a/train.json"], "test": ["a/test.json"]}},
        ),
        ([{"data_files": ["a/*.json"]}], {ALL: {"train": ["a/test.json", "a/train.json"]}}),
        ([{"data_files": "a/**"}], {ALL: {"train": sorted(FILES[:4])}}),
        ([{"data_files": "a/b/[ot]??.json"}], {ALL: {"train": ["a/b/one.json", "a/b/two.json"]}}),
    ],
)
def test_configs_of_a_card_tell_the_parts(configs: list[Any], parts: Parts) -> None:
    found = parts_of(FILES, configs)
    assert found == (parts or parts_of(FILES))


@pytest.mark.parametrize(
    "configs",
    [
        "text",
        [7, None],
        [{"data_files": 7}],
        [{"data_files": "https://elsewhere.example/x.json"}],
        [{"data_files": "../*.json"}],
        [{"data_files": [{"split": "train"}]}],
        [{"data_files": "[z-a].json"}],
        [{"data_files": "*" * 200 + "x"}],
        [{"data_files": "**/" * 200 + "x"}],
        [{"data_dir": "elsewhere"}],
    ],
)
def test_configs_that_name_no_file_leave_it_to_the_names(configs: Any) -> None:
    assert parts_of(FILES, configs) == parts_of(FILES)


def _dataset(parts: Parts) -> Dataset:
    return Dataset("some/set", parts)  # type: ignore[arg-type]


def test_usual_part_is_taken_where_none_is_named() -> None:
    dataset = _dataset({"default": {"test": ["a"], "train": ["b"]}, "more": {"odd": ["c"]}})
    assert dataset.files_of(Part()) == ["b"]
    assert dataset.files_of(Part(split="test")) == ["a"]
    assert dataset.files_of(Part(subset="more")) == ["c"]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Part(), "has several subsets: x, y. Choose one"),
        (Part("x"), "has several splits: a, b. Choose one"),
        (Part("z"), "has no subset 'z'. It has x, y"),
        (Part("x", "train"), "has no split 'train'. It has a, b"),
    ],
)
def test_part_that_is_not_clear_is_told(part: Part, message: str) -> None:
    dataset = _dataset({"x": {"a": ["1"], "b": ["2"]}, "y": {"c": ["3"]}})
    with pytest.raises(InputError, match=message):
        dataset.files_of(part)
