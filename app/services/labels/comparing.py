"""Compare base and tuned answers: stream both out of one batch, store the pair, take the vote.

A comparison is a pair of origin `comparison`, and a vote on it is a preference, so the same rows
give the win rate and the next round's training data. The sides are drawn and kept by the server.
"""

import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from sqlalchemy.orm import Session

from app.services.context import Context, User
from app.services.tuning.models import round_after
from storage.clock import utc_now
from storage.data import prompts
from storage.data.pairs import NewCompletion
from storage.enums import CompletionOrigin, Holds, Side
from storage.errors import InputError
from storage.labelling import comparisons
from storage.labelling.comparisons import NewComparison
from storage.labelling.labellers import human_labeller
from storage.labelling.queue import Submission
from storage.schema.tables import Adapter
from storage.training import adapters, runs as run_rows
from trainer.chat.client import ChatRequest
from trainer.evaluation.win_rate import WinRate, win_rate
from trainer.models import model_source
from trainer.options.generation import SamplingOptions

Conversation = list[dict[str, str]]
SOURCE = "comparison"  # where prompts written on the Compare screen come from


@dataclass(frozen=True)
class AdapterChoice:
    """An adapter to compare with its base model."""

    id: int
    label: str


@dataclass(frozen=True)
class Turn:
    """One prompt to both sides; each conversation ends with the person's prompt.

    `previous_pair_id` keeps the sides of a blind conversation where they were.
    """

    adapter_id: int
    left: Conversation
    right: Conversation
    sampling: SamplingOptions
    blind: bool = False
    previous_pair_id: int | None = None


@dataclass(frozen=True)
class Comparison:
    """The two answers so far; `pair_id` comes with the end, if this turn can be voted on."""

    left_text: str
    right_text: str
    finished: bool = False
    pair_id: int | None = None
    notice: str = ""


@dataclass(frozen=True)
class VoteResult:
    """What a vote reveals: who answered where, and how the votes stand."""

    left_name: str
    right_name: str
    win_rate: WinRate


def list_choices(context: Context) -> list[AdapterChoice]:
    """The adapters of this project, newest first."""
    with context.database.read_scope() as session:
        return [
            AdapterChoice(adapter.id, _label(session, adapter))
            for adapter in adapters.list_tuned_adapters(session)
        ]


def heldout_prompts(context: Context, limit: int = 50) -> list[Conversation]:
    """Held-out prompts to try: conversations that no training run sees."""
    with context.database.read_scope() as session:
        return [prompt.messages for prompt in prompts.heldout_prompts(session, limit=limit)]


def stream(context: Context, user: User, turn: Turn) -> Iterator[Comparison]:
    """Answer with base and tuned at once; yields the texts so far, and the stored pair at the end.

    Raises InputError for an unknown adapter or an empty prompt, TrainerError when the chat process
    cannot answer.
    """
    base_is_left, request = _prepare(context, user, turn)
    texts = ["", ""]
    num_tokens = [0, 0]
    reasons: list[str | None] = [None, None]
    for event in context.chat.stream(request):
        texts[event.row] += event.text
        if event.finished:
            num_tokens[event.row] = event.num_tokens or 0
            reasons[event.row] = event.finish_reason
        yield Comparison(texts[0], texts[1])
    answers = [_Answer(*answer) for answer in zip(texts, num_tokens, reasons, strict=True)]
    yield _finish(context, user, turn, answers, base_is_left=base_is_left)


def vote(context: Context, user: User, submission: Submission) -> VoteResult:
    """Store a vote as a preference on the comparison pair, and reveal the sides.

    Raises StaleError when this person was not asked about this pair; nothing is written then.
    """
    with context.database.session_scope() as session:
        labeller_id = human_labeller(session, user.id, user.name).id
        pair = comparisons.vote(session, labeller_id, submission, now=utc_now())
        adapter = adapters.get_adapter(session, pair.adapter_id or 0)
        names = [model_source.describe(adapter.base_model), _label(session, adapter)]
        if pair.shown_left is Side.B:
            names.reverse()
        return VoteResult(names[0], names[1], _win_rate(session, adapter.id))


def verdict(context: Context, adapter_id: int) -> WinRate:
    """How often the tuned answer was preferred in the votes on this adapter."""
    with context.database.read_scope() as session:
        return _win_rate(session, adapter_id)


@dataclass(frozen=True)
class _Answer:
    text: str
    num_tokens: int
    finish_reason: str | None


def _label(session: Session, adapter: Adapter) -> str:
    """Its name on the screen, for example "run 7 · DPO · 37 pairs"."""
    run = run_rows.get_run(session, adapter.run_id)
    num_pairs = (run.summary or {}).get("num_pairs")
    full = " · full model" if adapter.holds is Holds.FULL_MODEL else ""
    return f"run {run.id} · {run.kind.value.upper()} · {num_pairs} pairs{full}"


def _win_rate(session: Session, adapter_id: int) -> WinRate:
    return win_rate(**asdict(comparisons.comparison_counts(session, adapter_id)))


def _prepare(context: Context, user: User, turn: Turn) -> tuple[bool, ChatRequest]:
    for conversation in (turn.left, turn.right):
        if not conversation or not conversation[-1]["content"].strip():
            raise InputError("The prompt is empty. Write one, or pick a held-out prompt.")
    if problems := turn.sampling.problems():
        raise InputError(" ".join(problems))
    with context.database.session_scope() as session:
        adapter = adapters.get_tuned_adapter(session, turn.adapter_id)
        base_is_left = _base_is_left(session, user, turn)
    request = ChatRequest(
        base=adapter.base_model,
        adapter=adapter.folder,
        conversations=(turn.left, turn.right),
        adapters=(not base_is_left, base_is_left),
        sampling=turn.sampling,
    )
    return base_is_left, request


def _base_is_left(session: Session, user: User, turn: Turn) -> bool:
    """Base stands left; in a blind conversation the first turn draws and later turns keep it."""
    if not turn.blind:
        return True
    if turn.previous_pair_id is None:
        return secrets.randbelow(2) == 0
    labeller = human_labeller(session, user.id, user.name)
    pair = comparisons.asked_comparison(session, turn.previous_pair_id, labeller.id)
    return pair.shown_left is Side.A


def _finish(
    context: Context, user: User, turn: Turn, answers: list[_Answer], *, base_is_left: bool
) -> Comparison:
    """Store the answers as a pair if they can be compared, and say why not otherwise."""
    left, right = answers
    shown = Comparison(left.text, right.text, finished=True)
    if turn.left != turn.right:
        return replace(
            shown,
            notice="The two conversations differ, so a vote would not compare like with like. "
            "Vote on each turn before you go on, or start a new conversation.",
        )
    if left.text.strip() == right.text.strip():
        return replace(shown, notice="Both answers are the same, so there is nothing to vote on.")
    base, tuned = (left, right) if base_is_left else (right, left)
    with context.database.session_scope() as session:
        adapter = adapters.get_adapter(session, turn.adapter_id)
        prompt, _ = prompts.add_prompt(session, turn.left, source=SOURCE)
        pair = comparisons.add_comparison(
            session,
            NewComparison(
                prompt_id=prompt.id,
                base=_completion(base, adapter, turn.sampling, tuned=False),
                tuned=_completion(tuned, adapter, turn.sampling, tuned=True),
                adapter_id=adapter.id,
                asked_by=human_labeller(session, user.id, user.name).id,
                shown_left=Side.A if base_is_left else Side.B,
                round=round_after(context, session, adapter.base_model, adapter),
            ),
        )
        return replace(shown, pair_id=pair.id)


def _completion(
    answer: _Answer, adapter: Adapter, sampling: SamplingOptions, *, tuned: bool
) -> NewCompletion:
    return NewCompletion(
        text=answer.text,
        origin=CompletionOrigin.GENERATED,
        model=adapter.base_model,
        adapter=adapter.folder if tuned else None,
        sampling=asdict(sampling),
        seed=sampling.seed,
        num_tokens=answer.num_tokens,
        finish_reason=answer.finish_reason,
    )
