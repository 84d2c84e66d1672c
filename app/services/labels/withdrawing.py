"""Take verdicts out of account, and let them count again."""

from app.services.context import Context
from storage.clock import utc_now
from storage.labelling import history
from storage.labelling.history import Withdrawal


def withdraw_verdict(context: Context, preference_id: int) -> Withdrawal:
    """Take one verdict out of account; raises NotFoundError."""
    with context.database.session_scope() as session:
        return history.withdraw_verdict(session, preference_id, now=utc_now())


def withdraw_labeller(context: Context, labeller_id: int) -> Withdrawal:
    """Take all verdicts of a labeller out of account."""
    with context.database.session_scope() as session:
        return history.withdraw_labeller(session, labeller_id, now=utc_now())


def count_again(context: Context, preference_id: int) -> None:
    """Let a withdrawn verdict count again; raises NotFoundError or StaleError."""
    with context.database.session_scope() as session:
        history.count_again(session, preference_id)
