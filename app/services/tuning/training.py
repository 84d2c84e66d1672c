"""Start a training run: what would train, whether it can, and the frozen run folders."""

import dataclasses
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.services.context import Context, User
from app.services.tuning.models import check_allowed, round_after
from app.services.tuning.options import preset_options
from app.services.tuning.recipes import RECIPES
from app.services.tuning.token_findings import token_findings
from app.services.tuning.training_data import DataSummary, TokenisedSample, summarise
from storage.enums import Holds, RunKind, RunStatus
from storage.errors import InputError
from storage.schema.tables import Adapter, Run
from storage.training import adapters, runs as run_rows, snapshots
from storage.training.runs import NewRun
from trainer.errors import TrainerError
from trainer.models import model_source
from trainer.models.memory_estimate import free_bytes, training_bytes
from trainer.options.presets import reward_options, sft_options
from trainer.options.training import RunOptions, trains_full_model
from trainer.runs import run_folder
from trainer.runs.run_folder import RunSpec

NVIDIA_DRIVER = Path("/proc/driver/nvidia")  # there where a GPU can be used
FEW_PAIRS = 20  # below this, a trend in the curves is mostly chance


@dataclass(frozen=True)
class TrainingRequest:
    """What a person asks for on the Train screen."""

    recipe: str = "dpo"
    model: str = "starter"
    preset: str = "quick"
    options: dict[str, Any] = field(default_factory=dict)  # only what differs from the preset
    adapter_id: int | None = None  # go on from this adapter instead of the base model


@dataclass(frozen=True)
class Preflight:
    """What will happen if the run starts now; with `problems` it cannot start."""

    num_train: int
    num_heldout: int
    facts: list[str]
    warnings: list[str]
    problems: list[str]


def preflight(context: Context, request: TrainingRequest) -> Preflight:
    """Count what would train and name what stands in the way, without writing anything."""
    with context.database.read_scope() as session:
        data = context.training_data.summary(session)
        seconds_per_pair = _measured_seconds_per_pair(context, session, request)
    found = _judge(context, request, data, seconds_per_pair)
    return found if found.problems else _with_tokens(context, request, data, found)


def start_training(context: Context, user: User, request: TrainingRequest) -> list[int]:
    """Freeze the data and queue the run, or both runs of "SFT then DPO"; return their ids.

    Raises InputError with all problems of the pre-flight; then nothing is written.
    """
    with context.database.session_scope() as session:
        snapshot = snapshots.freeze(session)
        found = _judge(context, request, summarise(snapshot), None)
        if found.problems:
            raise InputError(" ".join(found.problems))
        start = _start_from(session, request)
        adapter = start.folder if start else None
        this_round = round_after(context, session, request.model, start)
        runs: list[Run] = []
        for kind in RECIPES[request.recipe].kinds:
            new = NewRun(
                kind=kind,
                recipe=request.recipe,
                base_model=request.model,
                adapter=adapter,
                options=_options_of(context, request, kind).to_dict(),
                snapshot=snapshot.hash,
                round=this_round,
                after_run_id=runs[-1].id if runs else None,
                started_by=user.name,
            )
            inputs = {"train.jsonl": snapshot.train, "heldout.jsonl": snapshot.heldout}
            run = queue_run(context, session, new, inputs)
            run.summary = {"num_pairs": found.num_train, "num_heldout": found.num_heldout}
            runs.append(run)
            # The next half starts from what this one will save: its place is known already.
            adapter = f"runs/{run.folder}/{_options(context, request).output}"
    return [run.id for run in runs]


def queue_run(
    context: Context, session: Session, new: NewRun, inputs: dict[str, list[dict[str, Any]]]
) -> Run:
    """Store a queued run and write its folder; if that fails, the caller's transaction fails too.

    Raises InputError when the folder cannot be written.
    """
    run = run_rows.create_run(session, new)
    folder = context.runs_folder / run.folder
    spec = RunSpec(
        id=run.id,
        kind=run.kind.value,
        base=run.base_model,
        adapter=run.adapter,
        options=run.options,
        snapshot=run.snapshot,
    )
    try:
        # Left by a server that was killed between writing the folder and committing the row.
        shutil.rmtree(folder, ignore_errors=True)
        run_folder.create(folder, spec, inputs)
    except OSError as error:
        raise InputError(
            f"The run folder {folder} cannot be written ({error.strerror or error}). "
            "Nothing was started. Free some space or check the folder's permissions."
        ) from error
    return run


def _options(context: Context, request: TrainingRequest) -> RunOptions:
    """The preset's options with a person's changes laid over them."""
    return RunOptions.from_dict(request.options, defaults=preset_options(context, request.preset))


def _is_full_fine_tuning(context: Context, request: TrainingRequest) -> bool:
    """Whether no adapter is asked for; False also for options that cannot be read."""
    try:
        return _options(context, request).trains_full_model
    except (InputError, TrainerError):
        return False


def _options_of(context: Context, request: TrainingRequest, kind: RunKind) -> RunOptions:
    options = _options(context, request)
    if kind is RunKind.REWARD:
        return reward_options(options)
    return sft_options(options) if kind is RunKind.SFT else options


def _judge(
    context: Context,
    request: TrainingRequest,
    data: DataSummary,
    seconds_per_pair: float | None,
) -> Preflight:
    counts = data.counts
    problems, warnings = _request_findings(context, request)
    if not counts.train:
        problems.append(_nothing_to_train(counts.heldout, counts.ties + counts.both_bad))
    if 0 < counts.train < FEW_PAIRS:
        warnings.append(
            f"{counts.train} pairs are few: the curves will mostly show chance. "
            f"Label at least {FEW_PAIRS} for a trend, a few hundred for a result."
        )
    if counts.train and not counts.heldout:
        warnings.append(
            "No labelled pair has a held-out prompt, so nothing can be measured on unseen data."
        )
    warnings += data.warnings
    facts = [f"{counts.train} pairs train, {counts.heldout} held out."]
    left_out = [
        (counts.ties, "tie" if counts.ties == 1 else "ties"),
        (counts.both_bad, "both bad"),
        (counts.skipped, "skipped"),
        (counts.unlabelled, "without a verdict"),
        (counts.equal, "with twice the same answer"),
    ]
    if any(number for number, _ in left_out):
        words = ", ".join(f"{number} {name}" for number, name in left_out if number)
        facts.append(f"Left out: {words}.")
    if counts.train:
        facts.extend(_size_facts(context, data, request, seconds_per_pair, problems))
    return Preflight(counts.train, counts.heldout, facts, warnings, problems)


def _request_findings(context: Context, request: TrainingRequest) -> tuple[list[str], list[str]]:
    """Problems and warnings of what is asked for, whatever the data."""
    problems: list[str] = []
    warnings: list[str] = []
    if request.recipe not in RECIPES:
        problems.append(f'There is no recipe "{request.recipe}". Choose {", ".join(RECIPES)}.')
    try:
        check_allowed(context, request.model)
        options = _options(context, request)
        problems += options.problems()
        problems += filter(None, [_start_problem(context, request, options)])
        warnings += options.warnings()
    except (InputError, TrainerError) as error:
        problems.append(str(error))
    return problems, warnings


def _start_problem(context: Context, request: TrainingRequest, options: RunOptions) -> str | None:
    """What stands between the options and what the run would start from."""
    start, starts_full = None, False
    if request.adapter_id is not None:
        with context.database.read_scope() as session:
            adapter = adapters.get_adapter(session, request.adapter_id)
        start = f"What run {adapter.run_id} has trained"
        starts_full = adapter.holds is Holds.FULL_MODEL
    return options.start_problem(request.recipe, start, starts_full=starts_full)


def _nothing_to_train(num_heldout: int, num_without_preference: int) -> str:
    if num_heldout:
        return (
            f"All {num_heldout} labelled pairs have held-out prompts, and these never train. "
            "Label more pairs."
        )
    if num_without_preference:
        return (
            f"The {num_without_preference} labelled pairs are all ties or both bad, and these "
            "have no chosen answer to train on. Label more pairs."
        )
    return "No pair is labelled yet, so there is nothing to train on. Label some pairs first."


def _size_facts(
    context: Context,
    data: DataSummary,
    request: TrainingRequest,
    seconds_per_pair: float | None,
    problems: list[str],
) -> list[str]:
    num_train = data.counts.train
    facts = [
        f"The chosen answer is the longer one in {data.num_longer_chosen / num_train:.0%}.",
    ]
    if seconds_per_pair and not problems:
        epochs = _options(context, request).training.num_train_epochs
        minutes = seconds_per_pair * num_train * epochs / 60
        facts.append(f"About {max(1, round(minutes))} min at most, judging by the last run.")
    return facts


def _with_tokens(
    context: Context, request: TrainingRequest, data: DataSummary, found: Preflight
) -> Preflight:
    """Add what the model's own tokenizer and template make of the pairs, where they are here."""
    folder = model_source.local_folder(request.model, context.settings.data_folder)
    sample = context.training_data.tokenised(data, folder) if folder else None
    options = _options(context, request)
    in_tokens = token_findings(data, sample, options.training.max_length)
    memory_facts, memory_warnings = _memory(context, folder, options, sample)
    return dataclasses.replace(
        found,
        facts=[*found.facts, *in_tokens.facts, *memory_facts],
        warnings=[*found.warnings, *in_tokens.warnings, *memory_warnings],
        problems=[*found.problems, *in_tokens.problems],
    )


def _memory(
    context: Context, folder: Path | None, options: RunOptions, sample: TokenisedSample | None
) -> tuple[list[str], list[str]]:
    """Facts and warnings on memory; none on a GPU or with checkpointing: not measured there."""
    on_gpu = context.settings.device != "cpu" and NVIDIA_DRIVER.exists()
    training = options.training
    if on_gpu or training.gradient_checkpointing or folder is None or not sample:
        return [], []
    longest = max((pair.num_tokens() for pair in sample.pairs), default=0)
    tokens = 2 * training.per_device_train_batch_size * min(longest, training.max_length)
    needed, free = training_bytes(folder, tokens, options), free_bytes()
    if needed is None or free is None:
        return [], []
    facts = [f"Training needs about {needed / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free."]
    if needed <= free:
        return facts, []
    adapter = ", or train an adapter" if options.trains_full_model else ""
    return facts, [
        "The memory will probably not be enough, and the run may be ended half-way. Make "
        "per_device_train_batch_size or max_length smaller, or switch gradient_checkpointing on"
        f"{adapter}."
    ]


def _measured_seconds_per_pair(
    context: Context, session: Session, request: TrainingRequest
) -> float | None:
    """Seconds that the last finished run of this kind took for one pair of one epoch."""
    is_full = _is_full_fine_tuning(context, request)
    for run in run_rows.list_runs(session, kinds=[RunKind.DPO]):
        measured = run.summary or {}
        same = (run.base_model, trains_full_model(run.options)) == (request.model, is_full)
        if run.status is RunStatus.FINISHED and same:
            epochs = run.options["training"]["num_train_epochs"]
            return float(measured["seconds"] / (measured["num_pairs"] * epochs))
    return None


def _start_from(session: Session, request: TrainingRequest) -> Adapter | None:
    if request.adapter_id is None:
        return None
    adapter = adapters.get_tuned_adapter(session, request.adapter_id)
    if adapter.base_model != request.model:
        raise InputError(
            f"Adapter {adapter.id} was trained on {adapter.base_model}, not on {request.model}. "
            f"Choose {adapter.base_model} as the model, or another adapter."
        )
    return adapter
