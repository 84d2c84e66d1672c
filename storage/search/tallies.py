"""Numbers that triggers keep with every change, so that nobody counts a million rows."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.enums import TallyKind, Verdict
from storage.schema.tables import Tally, VerdictTally


def numbers(session: Session) -> dict[TallyKind, int]:
    """Return how many there are of all that is tallied."""
    return {kind: number for kind, number in session.execute(select(Tally.kind, Tally.number))}


def active_verdicts(session: Session) -> dict[Verdict, int]:
    """Return how many active verdicts say what; comparisons are among them."""
    total = func.sum(VerdictTally.number)
    query = select(VerdictTally.verdict, total).group_by(VerdictTally.verdict).having(total > 0)
    return {verdict: number for verdict, number in session.execute(query)}
