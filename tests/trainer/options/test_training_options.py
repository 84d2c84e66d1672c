"""Options of training runs."""

import json
from typing import Any

import pytest

from trainer.errors import TrainerError
from trainer.options.fields import OptionGroup
from trainer.options.generation import GenerationOptions, SamplingOptions
from trainer.options.groups import QuantizationOptions, StoppingOptions, TrainingOptions
from trainer.options.presets import PRESET_REASONS, PRESETS, recipe_defaults, sft_options
from trainer.options.training import RunOptions


def test_no_options_at_all_are_valid() -> None:
    assert RunOptions.from_dict({}) == RunOptions()
    assert RunOptions().problems() == []


@pytest.mark.parametrize("name", PRESETS)
def test_preset_is_sound_and_survives_json(name: str) -> None:
    preset = PRESETS[name]
    assert preset.problems() == []
    assert sft_options(preset).problems() == []
    assert RunOptions.from_dict(json.loads(json.dumps(preset.to_dict()))) == preset
    assert PRESET_REASONS[name].endswith(".")


def test_what_is_missing_stays_as_in_the_preset() -> None:
    options = RunOptions.from_dict({"training": {"beta": 0.3}}, defaults=PRESETS["article"])
    assert options.training.beta == 0.3
    assert options.training.max_steps == 100
    assert options.quantization == PRESETS["article"].quantization
    off = RunOptions.from_dict({"quantization": None}, defaults=PRESETS["article"])
    assert off.quantization is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"training": {"lerning_rate": 1}}, r"no option training\.lerning_rate"),
        ({"speed": {}}, "no option speed"),
        ({"training": {"beta": "high"}}, r"training\.beta is 'high', but it must be a number"),
        ({"training": {"max_steps": 2.5}}, "must be a whole number"),
        ({"training": {"beta": float("nan")}}, "must be a number"),
        ({"training": {"gradient_checkpointing": 1}}, "true or false"),
        ({"training": 3}, "must be an object"),
        ({"lora": 3}, "must be an object"),
        ({"lora": {"target_modules": [1]}}, "a word or a list of words"),
        ({"training": None}, "option training is None, but it must be an object"),
    ],
)
def test_wrong_option_is_named(data: dict[str, Any], reason: str) -> None:
    with pytest.raises(TrainerError, match=reason):
        RunOptions.from_dict(data)


def test_no_adapter_takes_the_defaults_of_the_preset_full() -> None:
    whole = RunOptions.from_dict({"lora": None}, defaults=recipe_defaults("dpo", {"lora": None}))
    assert whole == PRESETS["full"]
    assert whole.output == "model"
    assert recipe_defaults("dpo", {}) == PRESETS["quick"]
    assert recipe_defaults("sft", {"lora": {}}).training.learning_rate == 2e-4
    assert RunOptions.from_dict({"lora": {"r": 4}}, defaults=whole).output == "adapter"


def test_rate_that_suits_the_other_kind_is_warned_of() -> None:
    for name, preset in PRESETS.items():
        assert preset.warnings() == [], name
    whole = RunOptions.from_dict({"lora": None}, defaults=PRESETS["quick"])
    assert "0.0003 suits an adapter" in whole.warnings()[0]
    adapter = RunOptions.from_dict({"lora": {}}, defaults=PRESETS["full"])
    assert "5e-06 suits a full model" in adapter.warnings()[0]


def test_numbers_of_a_form_are_taken_for_what_they_mean() -> None:
    options = RunOptions.from_dict(
        {"training": {"max_steps": 5.0, "beta": 1}, "lora": {"target_modules": ["q_proj"]}}
    )
    assert options.training.max_steps == 5
    assert isinstance(options.training.beta, float)
    assert options.lora.target_modules == ("q_proj",)


def test_all_problems_are_told_at_once() -> None:
    options = RunOptions.from_dict(
        {
            "training": {"beta": 0, "loss_type": "magic", "max_steps": 0, "label_smoothing": 0.7},
            "lora": {"r": 0, "lora_dropout": 0.1},
            "quantization": {"bnb_4bit_quant_type": "int3"},
            "stopping": {"num_steps": 0},
        }
    )
    problems = " ".join(options.problems())
    for word in ("beta", "loss_type", "max_steps", "label_smoothing", "r is 0", "lora_dropout",
                 "bnb_4bit_quant_type", "num_steps"):  # fmt: skip
        assert word in problems


def test_all_values_of_a_wrong_kind_are_told_at_once() -> None:
    with pytest.raises(TrainerError) as told:
        RunOptions.from_dict({"training": {"beta": "high", "seed": 0.5}, "lora": {"rank": 3}})
    for words in ("training.beta is 'high'", "training.seed is 0.5", "no option lora.rank"):
        assert words in str(told.value)


@pytest.mark.parametrize(
    ("group", "name", "value", "words"),
    [
        (TrainingOptions, "beta", 0.0, "it must be over 0."),
        (TrainingOptions, "label_smoothing", 0.5, "it must be from 0 to below 0.5."),
        (TrainingOptions, "max_length", 15, "it must be 16 or more."),
        (TrainingOptions, "learning_rate", float("nan"), "it must be over 0."),
        (TrainingOptions, "reference", "x", "choose one of start, base."),
        (StoppingOptions, "rewards_accuracies", 1.1, "it must be over 0 and up to 1."),
        (SamplingOptions, "temperature", 5.1, "it must be from 0 to 5."),
        (GenerationOptions, "batch_size", 1025, "it must be from 1 to 1024."),
    ],
)
def test_value_beyond_its_bounds_is_told_with_them(
    group: type[OptionGroup], name: str, value: object, words: str
) -> None:
    assert f"{name} is {value!r}; {words}" in group(**{name: value}).problems()


def test_bounds_themselves_are_allowed() -> None:
    assert SamplingOptions(temperature=5.0, top_p=1.0, max_new_tokens=1).problems() == []
    assert StoppingOptions(rewards_accuracies=1.0).problems() == []


def test_dropout_that_trl_would_switch_off_is_a_contradiction() -> None:
    options = RunOptions.from_dict({"lora": {"lora_dropout": 0.1}})
    assert any("no effect" in problem for problem in options.problems())


@pytest.mark.parametrize("group", [TrainingOptions, QuantizationOptions, StoppingOptions])
def test_every_option_has_what_a_form_shows(group: type) -> None:
    for field in group.__dataclass_fields__.values():  # type: ignore[attr-defined]
        about = field.metadata["about"]
        assert about.help.endswith(".")
        assert about.group in ("Preference", "Learning", "Adapter", "Memory")
