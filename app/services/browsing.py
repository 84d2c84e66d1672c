"""Look through verdicts and the pairs that they are about, and take verdicts back."""

from app.services.context import Context
from storage import pair_history
from storage.clock import utc_now
from storage.pair_history import PairHistory, VerdictRow

PAGE_ROWS = 50


def latest_verdicts(context: Context, before: int | None = None) -> list[VerdictRow]:
    """A page of verdicts, newest first; `before` is the id of the last one seen already."""
    with context.database.read_scope() as session:
        return pair_history.latest_verdicts(session, before=before, limit=PAGE_ROWS)


def history(context: Context, pair_id: int) -> PairHistory:
    """A pair with every verdict that it ever had; raises NotFoundError."""
    with context.database.read_scope() as session:
        return pair_history.pair_history(session, pair_id)


def withdraw_verdict(context: Context, preference_id: int) -> None:
    """Take one verdict out of account; raises NotFoundError."""
    with context.database.session_scope() as session:
        pair_history.withdraw_verdict(session, preference_id, now=utc_now())


def withdraw_labeller(context: Context, labeller_id: int) -> int:
    """Take all verdicts of a labeller out of account; returns how many there were."""
    with context.database.session_scope() as session:
        return pair_history.withdraw_labeller(session, labeller_id, now=utc_now())
