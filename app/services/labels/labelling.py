"""Label pairs: the next pair with blind sides, one verdict at a time, undo and edit."""

from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from app.services.context import Context, User
from storage.clock import utc_now
from storage.errors import StaleError
from storage.labelling import edits, queue
from storage.labelling.edits import Edit as Edit
from storage.labelling.labellers import human_labeller
from storage.labelling.preferences import Progress as Progress, progress
from storage.labelling.queue import Submission as Submission
from storage.labelling.shown import PairScreen as PairScreen, pair_screens

HOLD_AHEAD = 2  # the pair on the screen, and the one that is fetched ahead


@dataclass(frozen=True)
class LabelScreen:
    """All that the Label screen shows."""

    current: PairScreen | None
    upcoming: PairScreen | None
    progress: Progress
    notice: str = ""


def fetch(context: Context, user: User) -> LabelScreen:
    """The pair to label now and the one after it, held for this annotator."""
    with context.database.session_scope() as session:
        return _screen(session, user)


def submit(context: Context, user: User, submission: Submission) -> LabelScreen:
    """Store a verdict and return what comes next, in one transaction.

    Raises StaleError when this annotator no longer holds the pair, or saw something else in its
    place; nothing is written then.
    """
    with context.database.session_scope() as session:
        labeller_id = human_labeller(session, user.id, user.name).id
        queue.submit(session, labeller_id, submission, now=utc_now())
        return _screen(session, user)


def undo(context: Context, user: User) -> LabelScreen:
    """Take the annotator's last verdict back and show its pair again, with the verdict marked."""
    with context.database.session_scope() as session:
        labeller_id = human_labeller(session, user.id, user.name).id
        undone = queue.undo(session, labeller_id, now=utc_now())
        screen = _screen(session, user)
    if undone is None:
        return replace(screen, notice="There is no verdict of yours left to undo.")
    return screen


def save_edit(context: Context, user: User, edit: Edit) -> LabelScreen:
    """Keep an edited answer as a completion that is chosen over its original.

    The pair on the screen stays open: the edit is a pair and a verdict of its own. Raises
    StaleError when this annotator does not hold the pair, InputError when nothing was changed.
    """
    with context.database.session_scope() as session:
        labeller_id, now = human_labeller(session, user.id, user.name).id, utc_now()
        held = queue.hold(session, labeller_id, count=HOLD_AHEAD, now=now)
        left = {pair.pair_id: pair.left for pair in held}
        if edit.pair_id not in left:
            raise StaleError(
                f"You do not hold pair {edit.pair_id} any more, so the edit was not stored. "
                "Copy your text if you need it, and go on with the next pair."
            )
        edits.add_edit(session, labeller_id, edit, left=left[edit.pair_id], now=now)
        screen = _screen(session, user)
    return replace(screen, notice="Saved: your version is chosen over the original.")


def _screen(session: Session, user: User) -> LabelScreen:
    labeller_id = human_labeller(session, user.id, user.name).id
    held = queue.hold(session, labeller_id, count=HOLD_AHEAD, now=utc_now())
    current, upcoming = [*pair_screens(session, held), None, None][:HOLD_AHEAD]
    return LabelScreen(current, upcoming, progress(session, labeller_id))


def reopen_skipped(context: Context, user: User) -> LabelScreen:
    """Bring back the pairs that this annotator has skipped and nobody has judged since."""
    with context.database.session_scope() as session:
        labeller_id = human_labeller(session, user.id, user.name).id
        queue.reopen_skipped(session, labeller_id, now=utc_now())
        return _screen(session, user)
