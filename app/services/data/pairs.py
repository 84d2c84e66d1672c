"""Make pairs to label: queue a generate run over prompts that need one."""

from dataclasses import asdict, dataclass, replace

from app.services.context import Context, User
from app.services.tuning.models import check_allowed, round_after
from app.services.running.runs import RunView, latest_run_id, run_view
from app.services.tuning.training import queue_run
from storage.data import prompts
from storage.search import tallies
from storage.training import runs as run_rows
from storage.enums import RunKind, TallyKind
from storage.errors import InputError
from storage.training.runs import NewRun
from trainer.options.generation import GenerateOptions, SamplingOptions

MAX_PAIRS = 10_000


@dataclass(frozen=True)
class GenerationRequest:
    """What a person asks for on the Prompts screen."""

    num_pairs: int
    model: str = "starter"
    only_without_pair: bool = True
    sampling: SamplingOptions = SamplingOptions()


def start_generation(context: Context, user: User, request: GenerationRequest) -> int:
    """Queue a run that makes up to `num_pairs` pairs, one for a prompt; return its id."""
    if not 1 <= request.num_pairs <= MAX_PAIRS:
        raise InputError(
            f"{request.num_pairs} pairs cannot be made. Ask for 1 to {MAX_PAIRS:,} pairs."
        )
    check_allowed(context, request.model)
    if problems := GenerateOptions(sampling=request.sampling).problems():
        raise InputError(" ".join(problems))
    with context.database.session_scope() as session:
        earlier = run_rows.list_runs(session, kinds=[RunKind.GENERATE], limit=MAX_PAIRS)
        # A completion follows from seed and prompt: each run takes the next seed, so that a
        # prompt that is asked again gives new answers.
        seed = request.sampling.seed + len(earlier)
        options = GenerateOptions(sampling=replace(request.sampling, seed=seed))
        chosen = prompts.prompts_for_pairs(
            session, limit=request.num_pairs, only_without_pair=request.only_without_pair
        )
        if not chosen:
            raise InputError(_no_prompt(request))
        new = NewRun(
            kind=RunKind.GENERATE,
            recipe="generate",
            base_model=request.model,
            options=asdict(options),
            round=round_after(context, session, request.model, None),
            started_by=user.name,
        )
        rows = [{"prompt_id": prompt.id, "messages": prompt.messages} for prompt in chosen]
        run = queue_run(context, session, new, {"prompts.jsonl": rows})
        run.summary = {"num_prompts": len(chosen)}
        return run.id


def latest_generation(context: Context) -> RunView | None:
    """The newest generate run, running or ended; None when there was none yet."""
    run_id = latest_run_id(context, [RunKind.GENERATE])
    return None if run_id is None else run_view(context, run_id)


def num_ready(context: Context) -> int:
    """How many pairs wait for a verdict."""
    with context.database.read_scope() as session:
        return tallies.numbers(session)[TallyKind.OPEN]


def _no_prompt(request: GenerationRequest) -> str:
    if request.only_without_pair:
        return (
            "Every prompt has a pair already. Import more prompts, or make further pairs for "
            "prompts that have one."
        )
    return "There are no prompts yet. Import some first."
