"""What the form of training options shows: advice on losses, and people's own presets."""

from pathlib import Path

import pytest
from sqlalchemy import select

from app.services.context import Context, User
from app.services.imports import importing
from app.services.tuning import options, training
from app.services.tuning.options import loss_advice, share_of_wrong_verdicts
from app.services.tuning.training import TrainingRequest
from storage.enums import Verdict
from storage.errors import InputError
from storage.importers.importing import ImportOptions
from storage.labelling.labellers import human_labeller
from storage.labelling.preferences import NewPreference, record
from storage.labelling.statistics import Agreement
from storage.schema.tables import Preference
from tests.sample_files import labelled_pairs
from trainer.errors import TrainerError
from trainer.options.groups import LOSS_ADVICE
from trainer.options.presets import PRESETS
from trainer.runs import run_folder


@pytest.mark.parametrize("loss_type", LOSS_ADVICE)
def test_every_loss_has_one_line_of_advice(context: Context, loss_type: str) -> None:
    advice = loss_advice(context, loss_type)
    assert advice.text.startswith(LOSS_ADVICE[loss_type])
    assert LOSS_ADVICE[loss_type].count(".") == 1
    assert advice.label_smoothing == 0


def test_unknown_loss_is_refused(context: Context) -> None:
    with pytest.raises(InputError, match='no loss "magic"'):
        loss_advice(context, "magic")


def test_smoothing_follows_from_the_measured_disagreement(
    context: Context, user: User, tmp_path: Path
) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(labelled_pairs(10))
    importing.import_source(context, user, importing.ImportSource(str(path)), ImportOptions("test"))
    assert "No two annotators" in loss_advice(context, "robust").text
    with context.database.session_scope() as session:
        labeller = human_labeller(session, None, "second").id
        for number, first in enumerate(session.scalars(select(Preference)).all()):
            agrees = number > 0
            verdict = first.verdict if agrees else _other(first.verdict)
            record(session, NewPreference(str(number), first.pair_id, labeller, verdict, None))
    advice = loss_advice(context, "robust")
    assert "On 10 pairs judged by several annotators, 10% of the verdicts disagree" in advice.text
    assert advice.text.endswith("is set to 0.05.")
    assert advice.label_smoothing == 0.05
    assert loss_advice(context, "sigmoid").label_smoothing == 0


def _other(verdict: Verdict) -> Verdict:
    return Verdict.B if verdict is Verdict.A else Verdict.A


@pytest.mark.parametrize(
    ("num_disagreeing", "share"), [(0, 0.0), (18, 0.1), (32, 0.2), (50, 0.4), (90, 0.4)]
)
def test_share_of_wrong_verdicts_explains_the_disagreement(
    num_disagreeing: int, share: float
) -> None:
    assert share_of_wrong_verdicts(Agreement(100, 100, num_disagreeing)) == share


CHANGES = {"training": {"beta": 0.3}, "lora": {"r": 4}, "stopping": None}


def test_own_preset_is_listed_after_the_built_in_ones_and_holds_every_change(
    context: Context, user: User
) -> None:
    assert (
        options.save_preset(context, user, "  mine,  gently ", "quick", CHANGES) == "mine, gently"
    )
    assert list(options.preset_choices(context)) == [*PRESETS, "mine, gently"]
    found = options.preset_options(context, "mine, gently")
    assert (found.training.beta, found.lora.r, found.stopping) == (0.3, 4, None)
    assert found.training.num_train_epochs == PRESETS["quick"].training.num_train_epochs
    assert PRESETS["quick"].training.beta == 0.1


def test_own_preset_saved_again_is_replaced_and_can_build_on_itself(
    context: Context, user: User
) -> None:
    options.save_preset(context, user, "mine", "quick", CHANGES)
    options.save_preset(context, user, "mine", "mine", {"training": {"seed": 7}})
    found = options.preset_options(context, "mine").training
    assert (found.beta, found.seed) == (0.3, 7)
    assert list(options.preset_choices(context)) == [*PRESETS, "mine"]


def test_run_trains_with_the_own_preset_and_keeps_its_options(
    context: Context, user: User, tmp_path: Path
) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(labelled_pairs(30))
    importing.import_source(context, user, importing.ImportSource(str(path)), ImportOptions("test"))
    options.save_preset(context, user, "mine", "quick", CHANGES)
    (run_id,) = training.start_training(context, user, TrainingRequest(preset="mine"))
    options.delete_preset(context, "mine")
    spec = run_folder.read_spec(context.runs_folder / f"{run_id:04d}-dpo")
    assert spec.options["training"]["beta"] == 0.3
    assert training.preflight(context, TrainingRequest(preset="mine")).problems == [
        'There is no preset "mine". Choose one of: quick, article, qlora-7b, full.'
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "1 to 40 characters"),
        (" \n ", "1 to 40 characters"),
        ("x" * 41, "this one has 41"),
        ("a\x00b", "can be seen"),
        ("quick", "comes with PairTune"),
        ("Article", "comes with PairTune"),
    ],
)
def test_name_that_cannot_be_taken_is_refused(
    context: Context, user: User, name: str, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        options.save_preset(context, user, name, "quick", {})
    assert list(options.preset_choices(context)) == list(PRESETS)


def test_preset_that_could_not_train_is_not_saved(context: Context, user: User) -> None:
    with pytest.raises(InputError, match=r"not saved.*beta is -1"):
        options.save_preset(context, user, "mine", "quick", {"training": {"beta": -1.0}})
    with pytest.raises(TrainerError, match="no option"):
        options.save_preset(context, user, "mine", "quick", {"training": {"speed": 1}})
    assert list(options.preset_choices(context)) == list(PRESETS)


def test_only_own_presets_can_be_deleted(context: Context, user: User) -> None:
    options.save_preset(context, user, "mine", "quick", {})
    options.delete_preset(context, "mine")
    assert list(options.preset_choices(context)) == list(PRESETS)
    with pytest.raises(InputError, match="Nothing was deleted"):
        options.delete_preset(context, "mine")
    with pytest.raises(InputError, match="cannot be deleted"):
        options.delete_preset(context, "quick")
