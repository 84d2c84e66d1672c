"""Rolls an import back: deletes what it has stored, a few rows at a time.

What people have worked on meanwhile stays: a pair with a verdict of anybody else keeps its prompt,
its answers and its imported verdicts, and a prompt with other answers keeps these.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from storage.enums import CompletionOrigin
from storage.labelling.verdicts import decided
from storage.schema.tables import Claim, Completion, Pair, Preference, Prompt

_AT_ONCE = 500  # rows of each kind in one step
_FAST = {"synchronize_session": False}


def roll_back_some(session: Session, import_id: int) -> bool:
    """Delete some of what an import has stored; False means that nothing is left to delete."""
    for step in (_roll_back_pairs, _roll_back_verdicts, _roll_back_prompts):
        if step(session, import_id):
            return True
    return False


def _roll_back_pairs(session: Session, import_id: int) -> bool:
    query = select(Pair.id, Pair.completion_a, Pair.completion_b).where(
        Pair.import_id == import_id, ~_is_judged_by_others(import_id)
    )
    rows = session.execute(query.limit(_AT_ONCE)).all()
    pairs = [row[0] for row in rows]
    completions = [completion for row in rows for completion in row[1:]]
    session.execute(delete(Claim).where(Claim.pair_id.in_(pairs)), execution_options=_FAST)
    session.execute(
        delete(Preference).where(Preference.pair_id.in_(pairs)), execution_options=_FAST
    )
    session.execute(delete(Pair).where(Pair.id.in_(pairs)), execution_options=_FAST)
    _delete_lone_completions(session, completions)
    return bool(rows)


def _is_judged_by_others(import_id: int) -> ColumnElement[bool]:
    others = Preference.import_id.is_(None) | (Preference.import_id != import_id)
    return exists().where(Preference.pair_id == Pair.id, others)


def _delete_lone_completions(session: Session, completions: Sequence[int]) -> None:
    in_a = exists().where(Pair.completion_a == Completion.id)
    in_b = exists().where(Pair.completion_b == Completion.id)
    session.execute(
        delete(Completion).where(
            Completion.id.in_(completions),
            Completion.origin == CompletionOrigin.IMPORTED,
            ~in_a,
            ~in_b,
        ),
        execution_options=_FAST,
    )


def _roll_back_verdicts(session: Session, import_id: int) -> bool:
    """Delete verdicts on pairs that were there before; those on pairs that stay are kept."""
    on_others = exists().where(
        Pair.id == Preference.pair_id,
        or_(Pair.import_id.is_(None), Pair.import_id != import_id),
    )
    query = select(Preference.id).where(Preference.import_id == import_id, on_others)
    found = list(session.scalars(query.limit(_AT_ONCE)))
    other = (
        select(Preference.id)
        .where(Preference.pair_id == Claim.pair_id, Preference.id.not_in(found), *decided())
        .order_by(Preference.id)
        .limit(1)
        .scalar_subquery()
    )
    session.execute(
        update(Claim).where(Claim.preference_id.in_(found)).values(preference_id=other),
        execution_options=_FAST,
    )
    session.execute(delete(Preference).where(Preference.id.in_(found)), execution_options=_FAST)
    return bool(found)


def _roll_back_prompts(session: Session, import_id: int) -> bool:
    has_answers = exists().where(Completion.prompt_id == Prompt.id)
    query = select(Prompt.id).where(Prompt.import_id == import_id, ~has_answers)
    found = list(session.scalars(query.limit(_AT_ONCE)))
    session.execute(delete(Prompt).where(Prompt.id.in_(found)), execution_options=_FAST)
    return bool(found)
